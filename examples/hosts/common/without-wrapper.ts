// Stands in for "with-idempotency" in the run without it: the same workers, whose every call sends.
import { randomUUID } from "node:crypto";
import type { Execution, Idempotency, Key } from "../../../src/index.ts";

export * from "../../../src/index.ts";

/** An instance whose calls all run. */
export function createIdempotency(): Pick<Idempotency, "withIdempotency"> {
  return {
    withIdempotency: async (key: Key, _ttl, fn) => fn(executionOf(key)),
  };
}

function executionOf(key: Key): Execution {
  const { signal } = new AbortController();
  return {
    key: String(key),
    attempt: 1,
    idempotencyKey: randomUUID(),
    idempotencyUuid: randomUUID(),
    signal,
  };
}
