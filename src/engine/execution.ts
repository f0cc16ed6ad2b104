import type { Execution } from "../contract/execution.ts";
import type { Local } from "../stores/memory/local.ts";
import { digest } from "../util/sha256.ts";
import { uuidOf } from "../util/uuid.ts";

/** The key for the provider: names the window by the token of its first claim. */
export function providerKey(storeKey: string, runId: string): string {
  // The JSON of an array of both. Made of its parts it takes half the time.
  return digest(`[${JSON.stringify(storeKey)},${JSON.stringify(runId)}]`);
}

/** The key of the run, and what the store says of it beside the interface. */
interface At {
  readonly storeKey: string;
  readonly scope: { readonly local: Pick<Local, "runText"> | undefined };
}

const NOWHERE: At = { storeKey: "", scope: { local: undefined } };

/** An execution, and what the engine does to it. It makes its digest and its AbortController only when they are read. */
export class RunExecution implements Execution {
  readonly key: string;
  readonly attempt: number;
  readonly #at: At;
  readonly #runId: string;
  #idempotencyKey: string | undefined;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;

  constructor(key: string, attempt: number, at: At, runId: string) {
    this.key = key;
    this.attempt = attempt;
    this.#at = at;
    this.#runId = runId;
  }

  get idempotencyKey(): string {
    const { storeKey, scope } = this.#at;
    this.#idempotencyKey ??= providerKey(
      storeKey,
      scope.local?.runText(storeKey, this.#runId) ?? this.#runId,
    );
    return this.#idempotencyKey;
  }

  get idempotencyUuid(): string {
    return uuidOf(this.idempotencyKey);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** @internal Whether `signal` has aborted, or would have if `fn` had asked for it. */
  get isAborted(): boolean {
    return this.#aborted !== undefined;
  }

  /** @internal The first reason stands. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}

let kept: RunExecution | undefined;

export function newExecution(
  call: At & { readonly key: string },
  attempt: number,
  runId: string,
): RunExecution {
  // The hidden class of a class's objects dies with the last of them, and with it all code that V8 has compiled for it:
  // without this one, half of a call's CPU time goes into compiling after each full garbage collection.
  if (kept === undefined) kept = new RunExecution("", 1, NOWHERE, "");
  return new RunExecution(call.key, attempt, call, runId);
}
