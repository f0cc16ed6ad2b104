import {
  InProgressError,
  KeyReusedError,
  OutcomeUnknownError,
  type ReplayedError,
  type ResultUnavailableError,
} from "../contract/errors.ts";
import type { Execution } from "../contract/execution.ts";
import { RECOMMENDED_KEY_LENGTH } from "../contract/key.ts";
import type { Settings } from "../contract/options.ts";
import type { ClaimResult, IdempotencyStore } from "../contract/store.ts";
import { decodeOutcome } from "../results/outcome-text.ts";
import type { AnswerOf } from "./answers.ts";
import { type Emit, emitter } from "./emit.ts";
import type { Flight, Home } from "./shared-runs.ts";
import { takeToken } from "./token.ts";
import { Patience } from "./wait.ts";

/** One call, its arguments checked, and the ways in which it can be refused. `Answer` is what its caller gets. */
export class Call<Answer = unknown> {
  /** The key's text, as errors and events show it. */
  readonly key: string;
  /** Where the key stands in the store. */
  readonly storeKey: string;
  readonly ttlMs: number;
  readonly fn: (execution: Execution) => unknown;
  /** Makes the caller's answer of what came of the call. */
  readonly answer: AnswerOf<Answer>;
  readonly settings: Settings;
  readonly store: IdempotencyStore;
  /** The runs of this process on the store. */
  readonly flights: Map<string, Flight>;
  /** Names this call's claim. */
  readonly token: string;
  readonly emit: Emit | undefined;
  /** The run that this call has last seen another at; 0 for none. */
  seenAttempt = 0;
  /** When the last claim was sent, by the monotonic clock; undefined where the store answered at once. */
  claimedAt: number | undefined;
  /** A claim that the store did not answer in time, and may yet. */
  lateClaim: PromiseLike<ClaimResult> | undefined;
  #patience: Patience | undefined;

  constructor(
    key: string,
    place: string,
    ttlMs: number,
    fn: Call["fn"],
    answer: AnswerOf<Answer>,
    settings: Settings,
    home: Home,
  ) {
    this.key = key;
    this.storeKey = place;
    this.ttlMs = ttlMs;
    this.fn = fn;
    this.answer = answer;
    this.settings = settings;
    this.store = home.store;
    this.flights = home.flights;
    this.token = takeToken();
    this.emit = emitter(key, settings);
    if (key.length > RECOMMENDED_KEY_LENGTH) this.emit?.({ type: "long-key", length: key.length });
  }

  /** How long this call waits, counted from when it first has to. */
  get patience(): Patience {
    const { onConflict, waitMs, storeTimeoutMs, signal } = this.settings;
    // One that would not wait for another's run may still have to wait until it is known whether there is one.
    this.#patience ??= new Patience(onConflict === "wait" && waitMs > 0 ? waitMs : storeTimeoutMs, signal);
    return this.#patience;
  }

  /** To be called when the call is over, however it ends. */
  end(): void {
    this.#patience?.end();
  }

  /** The time by the monotonic clock; 0 where nobody listens. */
  now(): number {
    return this.emit === undefined ? 0 : performance.now();
  }

  /** Throws the reason of the caller's signal once that has aborted. */
  throwIfAborted(): void {
    if (this.settings.signal?.aborted) throw this.settings.signal.reason;
  }

  /** Throws `KEY_REUSED` where the key is in use with another fingerprint. Where either has none, any matches. */
  requireFingerprint(used: string | undefined): void {
    const { fingerprint } = this.settings;
    if (used === undefined || fingerprint === undefined || used === fingerprint) return;
    this.emit?.({ type: "refused", code: "KEY_REUSED" });
    throw new KeyReusedError(
      "The key is in use with another fingerprint: expected the payload of its first call. Use a key of its own for each payload.",
      { key: this.key },
    );
  }

  /** Throws `IN_PROGRESS` where this call does not wait for another's run. */
  requirePatience(retryAfterMs: number): void {
    if (this.settings.onConflict === "reject" || this.settings.waitMs === 0)
      throw this.inProgress(retryAfterMs);
  }

  /** The value of a stored outcome; throws `REPLAYED_ERROR` or `RESULT_UNAVAILABLE`. */
  decode(outcome: string): unknown {
    try {
      return decodeOutcome(outcome, this.settings.serializer, this.key);
    } catch (error) {
      this.emit?.({ type: "refused", code: (error as ReplayedError | ResultUnavailableError).code });
      throw error;
    }
  }

  inProgress(retryAfterMs: number): InProgressError {
    this.emit?.({ type: "refused", code: "IN_PROGRESS" });
    const why =
      this.settings.onConflict === "reject" ? "does not wait" : `waited for ${this.settings.waitMs} ms`;
    return new InProgressError(
      `Another call holds the key, and this one ${why} (a function that calls itself with its own key waits in vain).`,
      { key: this.key, retryAfterMs },
    );
  }

  outcomeUnknown(attempt: number, retryAfterMs: number): OutcomeUnknownError {
    this.emit?.({ type: "refused", code: "OUTCOME_UNKNOWN" });
    return new OutcomeUnknownError(
      `Run ${attempt} with this key ended without an answer, so nobody knows whether its side effect happened. ` +
        'Find out and `resolve` the key, `forget` it, or choose onUncertain: "rerun".',
      { key: this.key, attempt, retryAfterMs },
    );
  }
}
