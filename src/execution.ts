import { digest } from "./digest.ts";

/** What `fn` is told of its run. */
export interface Execution {
  /** The key's text, as the caller gave it. */
  readonly key: string;
  /** Counts the runs of `fn` for this key within its window, from 1: after a failure or a takeover it is 2. */
  readonly attempt: number;
  /**
   * What `fn` hands to its provider, as an `Idempotency-Key` header for instance: 43 characters of `[A-Za-z0-9_-]`,
   * the same for every attempt until one completes, and different in another window, namespace or key.
   */
  readonly idempotencyKey: string;
  /** Aborts when the claim is lost (its reason is then a `LeaseLostError`) or the caller's `signal` aborts. */
  readonly signal: AbortSignal;
}

/** The key for the provider: names the window by the token of its first claim. */
export function providerKey(storeKey: string, runId: string): string {
  return digest(JSON.stringify([storeKey, runId]));
}

/** An execution that makes its digest and its AbortController only when they are asked for. */
export class LazyExecution implements Execution {
  readonly key: string;
  readonly attempt: number;
  readonly #storeKey: string;
  readonly #runId: string;
  #idempotencyKey: string | undefined;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;

  constructor(key: string, storeKey: string, { attempt, runId }: { attempt: number; runId: string }) {
    this.key = key;
    this.attempt = attempt;
    this.#storeKey = storeKey;
    this.#runId = runId;
  }

  get idempotencyKey(): string {
    this.#idempotencyKey ??= providerKey(this.#storeKey, this.#runId);
    return this.#idempotencyKey;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** @internal Whether an error is the reason for which `signal` aborted, or would have, had `fn` asked for it. */
  wasAbortedBy(error: unknown): boolean {
    return this.#aborted !== undefined && this.#aborted.reason === error;
  }

  /** @internal The first reason stands. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}
