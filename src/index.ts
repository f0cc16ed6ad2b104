export { createIdempotency } from "./api/create-idempotency.ts";
export { makeIdempotent, withIdempotency } from "./api/with-idempotency.ts";
export {
  type Duration,
  type DurationString,
  MAX_TTL_MS,
  MIN_TTL_MS,
  parseDuration,
  type Unit,
} from "./contract/duration.ts";
export { certainlyNotDone, interruptedInTransit } from "./contract/error-policy.ts";
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
} from "./contract/errors.ts";
export type { IdempotencyEvent, IdempotencyListener, StoreOperation } from "./contract/events.ts";
export type { BatchExecution, Execution } from "./contract/execution.ts";
export { fingerprint } from "./contract/fingerprint.ts";
export type {
  Idempotency,
  IdempotentConfig,
  KeyEntry,
  KeyState,
  ListFilter,
  Outcome,
} from "./contract/idempotency.ts";
export type { Key } from "./contract/key.ts";
export type { BatchFn, ItemOutcome, ManyConfig, ManyOutcomes } from "./contract/many.ts";
export type { ErrorPolicy, Options, ResultPolicy, Serializer } from "./contract/options.ts";
export type {
  Awaitable,
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  Each,
  IdempotencyStore,
  ListedRecord,
  ListQuery,
  ReleaseItem,
  RenewItem,
  Seen,
  StoreRecord,
} from "./contract/store.ts";
export type { MemoryStoreOptions } from "./stores/memory/options.ts";
export { memoryStore } from "./stores/memory/store.ts";
