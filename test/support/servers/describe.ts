import { describe, inject } from "vitest";

/** The run's Redis; undefined where none can be had. */
export function redisUrl(): string | undefined {
  const url = inject("redisUrl");
  // Otherwise the tests would be skipped without a word.
  if (url === undefined)
    throw new Error("expected the setup of Redis to have run: see test/support/projects.ts");
  return url ?? undefined;
}

/** A group of tests on the run's Redis; counted as skipped, and said so at the end, where none can be had. */
export function describeWithRedis(name: string, body: (url: string) => void): void {
  const url = redisUrl();
  describe.skipIf(url === undefined)(name, () => body(url ?? ""));
}
