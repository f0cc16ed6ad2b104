import type { ClaimRequest, IdempotencyStore } from "../../../src/contract/store.ts";
import { type Awaitable, isPromise } from "../../../src/util/awaitable.ts";
import type { Operation, StoreEvent } from "../history/events.ts";
import type { Journal } from "./journal.ts";

type Details = Partial<Pick<StoreEvent, "request" | "leaseMs" | "ttlMs" | "outcome" | "token" | "seen">>;

// ioredis waits no less before it connects again.
const RECONNECTED_MS = 50;

const changed = (answer: unknown) =>
  answer === true || (answer as { status?: string } | undefined)?.status === "claimed";

/**
 * A store that writes down what it is asked and what it answers. `resends` where its client may ask twice by itself,
 * when a connection breaks: what is answered with false, or by what another holds, may then have been done before.
 */
export function recorded(
  store: IdempotencyStore,
  { now, write }: Journal,
  resends: boolean,
): IdempotencyStore {
  let operations = 0;

  function record<T>(
    operation: Operation,
    key: string,
    details: Details,
    ask: () => Awaitable<T>,
  ): Awaitable<T> {
    const op = ++operations;
    const sent = now();
    // With all that it says: where it is never answered, this is all that is known of it.
    write({ type: "send", at: sent, op, operation, key, ...details });
    const told = (more: object) => write({ type: "store", op, sent, operation, key, ...details, ...more });
    const answered = (answer: T) => {
      const isDoubtful = resends && !changed(answer) && now() - sent >= RECONNECTED_MS;
      told({ answer, heard: true, ...(isDoubtful && { isDoubtful }) });
      return answer;
    };
    const failed = (error: unknown) => {
      told({ failure: String(error) });
      throw error;
    };
    let answer: Awaitable<T>;
    try {
      answer = ask();
    } catch (error) {
      return failed(error);
    }
    return isPromise(answer) ? answer.then(answered, failed) : answered(answer);
  }

  const kept: IdempotencyStore = {
    claim: (key: string, request: ClaimRequest) =>
      record("claim", key, { token: request.token, request }, () => store.claim(key, request)),
    renew: (key, token, leaseMs) =>
      record("renew", key, { token, leaseMs }, () => store.renew(key, token, leaseMs)),
    complete: (key, token, outcome, ttlMs) =>
      record("complete", key, { token, outcome, ttlMs }, () => store.complete(key, token, outcome, ttlMs)),
    release: (key, token) => record("release", key, { token }, () => store.release(key, token)),
    read: key => store.read(key),
    settle: (key, outcome, ttlMs, seen) =>
      record("settle", key, { outcome, ttlMs, seen }, () => store.settle(key, outcome, ttlMs, seen)),
    reopen: (key, seen) => record("reopen", key, { seen }, () => store.reopen(key, seen)),
    forget: (key, seen) => record("forget", key, { seen }, () => store.forget(key, seen)),
  };
  if (store.settled) kept.settled = (key, signal) => store.settled!(key, signal);
  return kept;
}
