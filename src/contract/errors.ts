/** The stable codes of the errors that this package throws. */
export type IdempotencyErrorCode =
  | "INVALID_KEY"
  | "INVALID_DURATION"
  | "DURATION_OUT_OF_RANGE"
  | "INVALID_OPTION"
  | "IN_PROGRESS"
  | "KEY_REUSED"
  | "OUTCOME_UNKNOWN"
  | "RESULT_UNAVAILABLE"
  | "STORE_ERROR"
  | "LEASE_LOST"
  | "REPLAYED_ERROR";

/** The guide that has a section for each code, as the site shows it. */
const GUIDE = "https://with-idempotency.github.io/with-idempotency/troubleshooting";

// Registered globally, so that another copy or module format of the package knows our errors.
const BRAND = /* @__PURE__ */ Symbol.for("with-idempotency/error");

/** Optional details of an {@link IdempotencyError}. */
export interface IdempotencyErrorDetails {
  /** The key, as the caller gave it (an array joined to its text). */
  key?: string | undefined;
  /** The underlying error. */
  cause?: unknown;
}

/**
 * The base class of all errors of this package. Tell them apart by `code`, with {@link isIdempotencyError}:
 * `instanceof` is false across two copies or module formats of the package.
 */
export abstract class IdempotencyError extends Error {
  /** A stable code to test for. */
  abstract readonly code: IdempotencyErrorCode;
  /** The key of the call, if there is one. */
  readonly key: string | undefined;

  constructor(message: string, { key, cause }: IdempotencyErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.key = key;
    // Not a member, whose computed name would keep the classes in every bundle.
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * The address of the troubleshooting section for this `code`: what it means and what to do.
   *
   * @example
   * ```ts
   * import { withIdempotency } from "with-idempotency";
   *
   * const error = await withIdempotency("", "1h", () => "sent").catch(error => error);
   * console.log(error.docs.split("/").at(-1)); // → troubleshooting#invalid-key
   * ```
   */
  get docs(): string {
    return `${GUIDE}#${this.code.toLowerCase().replaceAll("_", "-")}`;
  }
}

/** `INVALID_KEY`: the key is empty, of another type, or not well-formed Unicode. Nothing ran. */
export class InvalidKeyError extends IdempotencyError {
  readonly code = "INVALID_KEY";
  override get name(): "InvalidKeyError" {
    return "InvalidKeyError";
  }
}

/**
 * `INVALID_DURATION`: the value is not a duration. `DURATION_OUT_OF_RANGE`: the duration is out of bounds. Nothing
 * ran.
 */
export class InvalidDurationError extends IdempotencyError {
  readonly code: "INVALID_DURATION" | "DURATION_OUT_OF_RANGE";
  override get name(): "InvalidDurationError" {
    return "InvalidDurationError";
  }

  constructor(code: "INVALID_DURATION" | "DURATION_OUT_OF_RANGE", message: string) {
    super(message);
    this.code = code;
  }
}

/** `INVALID_OPTION`: another option or argument is invalid. Nothing ran. */
export class InvalidOptionError extends IdempotencyError {
  readonly code = "INVALID_OPTION";
  override get name(): "InvalidOptionError" {
    return "InvalidOptionError";
  }
}

/** `IN_PROGRESS`: another call holds the key, and this call does not wait or has waited for `waitTimeout`. */
export class InProgressError extends IdempotencyError {
  readonly code = "IN_PROGRESS";
  /** Milliseconds until the holder's lease ends. By then the key is settled, renewed or uncertain. */
  readonly retryAfterMs: number;
  override get name(): "InProgressError" {
    return "InProgressError";
  }

  constructor(message: string, details: IdempotencyErrorDetails & { retryAfterMs: number }) {
    super(message, details);
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** `KEY_REUSED`: the key was first used with another fingerprint. */
export class KeyReusedError extends IdempotencyError {
  readonly code = "KEY_REUSED";
  override get name(): "KeyReusedError" {
    return "KeyReusedError";
  }
}

/**
 * `OUTCOME_UNKNOWN`: nobody here knows whether the side effect happened. A run of `fn` was abandoned (its process
 * died or lost contact with the store) or held (its error means the request may have arrived). Find out what
 * happened and use `resolve` or `reopen`, or run again with `onUncertain: "rerun"`.
 */
export class OutcomeUnknownError extends IdempotencyError {
  readonly code = "OUTCOME_UNKNOWN";
  /** The run whose outcome is unknown, from 1. */
  readonly attempt: number;
  /** Milliseconds until the key is forgotten and the next call runs. */
  readonly retryAfterMs: number;
  override get name(): "OutcomeUnknownError" {
    return "OutcomeUnknownError";
  }

  constructor(message: string, details: IdempotencyErrorDetails & { attempt: number; retryAfterMs: number }) {
    super(message, details);
    this.attempt = details.attempt;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * `RESULT_UNAVAILABLE`: `fn` completed, but its result could not be stored or cannot be read back, or the record
 * of the key cannot be read. `fn` does not run again.
 */
export class ResultUnavailableError extends IdempotencyError {
  readonly code = "RESULT_UNAVAILABLE";
  override get name(): "ResultUnavailableError" {
    return "ResultUnavailableError";
  }
}

/** `STORE_ERROR`: the store failed, timed out or gave an invalid answer before `fn` ran. */
export class StoreError extends IdempotencyError {
  readonly code = "STORE_ERROR";
  override get name(): "StoreError" {
    return "StoreError";
  }
}

/** `LEASE_LOST`: another call may hold the key by now. It is the reason that `execution.signal` aborts with. */
export class LeaseLostError extends IdempotencyError {
  readonly code = "LEASE_LOST";
  override get name(): "LeaseLostError" {
    return "LeaseLostError";
  }
}

/** The part of an error that `onError: "store"` keeps. */
export interface StoredError {
  /** The error's `name`, or `"Error"` if it had none. */
  name: string;
  /** The error's `message`, or the thrown value as text. */
  message: string;
  /** The error's `code`, if it is a string or a number. */
  code?: string | number | undefined;
}

/** `REPLAYED_ERROR`: an earlier run failed with an error that `onError` chose to store. */
export class ReplayedError extends IdempotencyError {
  readonly code = "REPLAYED_ERROR";
  /** The first run's error. */
  readonly original: StoredError;
  override get name(): "ReplayedError" {
    return "ReplayedError";
  }

  constructor(original: StoredError, details?: IdempotencyErrorDetails) {
    super(`An earlier run with this key failed: ${original.name}: ${original.message}`, details);
    this.original = original;
  }
}

/** Maps each error code to its class. */
export interface IdempotencyErrors {
  INVALID_KEY: InvalidKeyError;
  INVALID_DURATION: InvalidDurationError;
  DURATION_OUT_OF_RANGE: InvalidDurationError;
  INVALID_OPTION: InvalidOptionError;
  IN_PROGRESS: InProgressError;
  KEY_REUSED: KeyReusedError;
  OUTCOME_UNKNOWN: OutcomeUnknownError;
  RESULT_UNAVAILABLE: ResultUnavailableError;
  STORE_ERROR: StoreError;
  LEASE_LOST: LeaseLostError;
  REPLAYED_ERROR: ReplayedError;
}

/**
 * Returns whether a value is an error of this package and, if a `code` is given, has that code. It works across
 * copies and module formats of the package, where `instanceof` does not. Never throws.
 *
 * @example
 * ```ts
 * import { isIdempotencyError, withIdempotency } from "with-idempotency";
 *
 * const error = await withIdempotency("", "1h", () => "sent").catch(error => error);
 * console.log(isIdempotencyError(error), isIdempotencyError(error, "INVALID_KEY")); // → true true
 * ```
 */
export function isIdempotencyError(value: unknown): value is IdempotencyErrors[IdempotencyErrorCode];
export function isIdempotencyError<C extends IdempotencyErrorCode>(
  value: unknown,
  code: C,
): value is IdempotencyErrors[C];
export function isIdempotencyError(value: unknown, code?: IdempotencyErrorCode): boolean {
  try {
    const error = value as (IdempotencyError & { [BRAND]?: unknown }) | null | undefined;
    return (
      typeof error === "object" && error?.[BRAND] === true && (code === undefined || error.code === code)
    );
  } catch {
    return false;
  }
}
