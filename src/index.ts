export {
  type Duration,
  type DurationString,
  MAX_TTL_MS,
  MIN_TTL_MS,
  parseDuration,
  type Unit,
} from "./duration.ts";
export {
  IdempotencyError,
  type IdempotencyErrorCode,
  type IdempotencyErrorDetails,
  type IdempotencyErrors,
  InProgressError,
  InvalidDurationError,
  InvalidKeyError,
  InvalidOptionError,
  isIdempotencyError,
  KeyReusedError,
  LeaseLostError,
  OutcomeUnknownError,
  ReplayedError,
  ResultUnavailableError,
  type StoredError,
  StoreError,
} from "./errors.ts";
export type { IdempotencyEvent, IdempotencyListener, StoreOperation } from "./events.ts";
export type { Execution } from "./execution.ts";
export { fingerprint } from "./fingerprint.ts";
export { createIdempotency, type Idempotency, type KeyState } from "./idempotency.ts";
export { interruptedInTransit } from "./interrupted-in-transit.ts";
export type { Key } from "./key.ts";
export type { IdempotentConfig } from "./make-idempotent.ts";
export type { ErrorPolicy, Options } from "./options.ts";
export type { Outcome } from "./outcome.ts";
export type { Serializer } from "./serializer.ts";
export type { Awaitable, ClaimRequest, ClaimResult, IdempotencyStore, StoreRecord } from "./store.ts";
export { memoryStore } from "./stores/memory.ts";
export type { MemoryStoreOptions } from "./stores/memory-options.ts";
export { makeIdempotent, withIdempotency } from "./with-idempotency.ts";
