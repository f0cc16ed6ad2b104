import type { Execution } from "../contract/execution.ts";
import { digest } from "../util/sha256.ts";

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
