import { describe, inject } from "vitest";

/** A group of tests on the run's Redis; counted as skipped, and said so at the end, where none can be had. */
export function describeWithRedis(name: string, body: (url: string) => void): void {
  const url = inject("redisUrl");
  describe.skipIf(url === undefined)(name, () => body(url ?? ""));
}
