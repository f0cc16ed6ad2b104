import { beforeAll, it } from "vitest";
import type { ConformanceCase } from "../../../src/testing.ts";

/**
 * Runs the cases at once, for they mostly wait for a server's clock, and reports each as a test of its own: all of them,
 * or so many `atOnce` of a store that blocks, where too many would be late.
 */
export function itConforms(
  cases: readonly ConformanceCase[],
  timeoutMs = 60_000,
  atOnce = cases.length,
): void {
  const failures = new Map<ConformanceCase, Promise<unknown>>();

  beforeAll(() => {
    const lanes = Array.from({ length: atOnce }, () => Promise.resolve<unknown>(undefined));
    for (const [n, testCase] of cases.entries()) {
      const run = () => testCase.run().then(noError, error => error);
      const failure = lanes[n % atOnce]!.then(run);
      lanes[n % atOnce] = failure;
      failures.set(testCase, failure);
    }
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

const noError = () => undefined;
