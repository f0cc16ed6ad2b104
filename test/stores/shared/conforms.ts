import { beforeAll, it } from "vitest";
import type { ConformanceCase } from "../../../src/testing.ts";

/** Runs the cases all at once, for they mostly wait for a server's clock, and reports each as a test of its own. */
export function itConforms(cases: readonly ConformanceCase[], timeoutMs = 60_000): void {
  let failures: Map<ConformanceCase, Promise<unknown>>;

  beforeAll(() => {
    failures = new Map(
      cases.map(testCase => [
        testCase,
        testCase.run().then(
          () => undefined,
          error => error,
        ),
      ]),
    );
  });

  it.each(cases)(
    "$name",
    async testCase => {
      const failure = await failures.get(testCase);
      if (failure !== undefined) throw failure;
    },
    timeoutMs,
  );
}
