import type {
  ClaimItem,
  ClaimRequest,
  CompleteItem,
  Each,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
} from "../../../src/contract/store.ts";
import { type Awaitable, isPromise } from "../../../src/util/awaitable.ts";
import type { Operation, StoreEvent } from "../history/events.ts";
import type { Journal } from "./journal.ts";

type Details = Partial<Pick<StoreEvent, "request" | "leaseMs" | "ttlMs" | "outcome" | "token" | "seen">>;

// ioredis waits no less before it connects again.
const RECONNECTED_MS = 50;

const changed = (answer: unknown) =>
  answer === true || (answer as { status?: string } | undefined)?.status === "claimed";

const claimDetails = ({ request }: ClaimItem): Details => ({ token: request.token, request });
const renewDetails = ({ token, leaseMs }: RenewItem): Details => ({ token, leaseMs });
const completeDetails = ({ token, outcome, ttlMs }: CompleteItem): Details => ({ token, outcome, ttlMs });
const releaseDetails = ({ token }: ReleaseItem): Details => ({ token });

/** Does something, and tells how it ended, before anybody else hears of it. */
function then<T>(
  act: () => Awaitable<T>,
  ended: (answer: T) => void,
  failed: (error: unknown) => void,
): Awaitable<T> {
  const end = (answer: T) => {
    ended(answer);
    return answer;
  };
  const fail = (error: unknown): never => {
    failed(error);
    throw error;
  };
  let answer: Awaitable<T>;
  try {
    answer = act();
  } catch (error) {
    return fail(error);
  }
  return isPromise(answer) ? answer.then(end, fail) : end(answer);
}

/**
 * A store that writes down what it is asked and what it answers. `resends` where its client may ask twice by itself,
 * when a connection breaks: what is answered with false, or by what another holds, may then have been done before.
 * `skewMs` where its clients' clocks decide, and may be so far apart.
 */
export function recorded(
  store: IdempotencyStore,
  { now, write }: Journal,
  { resends, skewMs }: { resends: boolean; skewMs: number },
): IdempotencyStore {
  let operations = 0;

  /** Writes down what is asked of a key; answers how to write down what came of that. */
  function ask(operation: Operation, key: string, details: Details) {
    const op = ++operations;
    const sent = now();
    // With all that it says: where it is never answered, this is all that is known of it.
    write({ type: "send", at: sent, op, operation, key, ...details });
    const told = (more: object) =>
      write({ type: "store", op, sent, operation, key, ...details, ...more, ...(skewMs > 0 && { skewMs }) });
    return {
      answered(answer: unknown): void {
        const isDoubtful = resends && !changed(answer) && now() - sent >= RECONNECTED_MS;
        told({ answer, heard: true, ...(isDoubtful && { isDoubtful }) });
      },
      failed: (error: unknown) => told({ failure: String(error) }),
    };
  }

  function record<T>(
    operation: Operation,
    key: string,
    details: Details,
    act: () => Awaitable<T>,
  ): Awaitable<T> {
    const asked = ask(operation, key, details);
    return then(
      act,
      answer => asked.answered(answer),
      error => asked.failed(error),
    );
  }

  /** B6: each item is an operation of its own, and may fail alone. */
  function recordMany<Item extends { key: string }, T>(
    operation: Operation,
    detailsOf: (item: Item) => Details,
    act: ((items: readonly Item[]) => Awaitable<readonly Each<T>[]>) | undefined,
  ) {
    if (act === undefined) return undefined;
    return (items: readonly Item[]) => {
      const asked = items.map(item => ask(operation, item.key, detailsOf(item)));
      return then(
        () => act(items),
        answers => {
          for (const [n, { answered, failed }] of asked.entries()) {
            const answer = answers[n];
            if (answer instanceof Error) failed(answer);
            else answered(answer);
          }
        },
        error => {
          for (const { failed } of asked) failed(error);
        },
      );
    };
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
  const many = {
    claimMany: recordMany("claim", claimDetails, store.claimMany?.bind(store)),
    renewMany: recordMany("renew", renewDetails, store.renewMany?.bind(store)),
    completeMany: recordMany("complete", completeDetails, store.completeMany?.bind(store)),
    releaseMany: recordMany("release", releaseDetails, store.releaseMany?.bind(store)),
  };
  Object.assign(kept, many);
  if (store.settled) kept.settled = (key, signal) => store.settled!(key, signal);
  return kept;
}
