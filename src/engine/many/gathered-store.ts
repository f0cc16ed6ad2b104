import type {
  ClaimItem,
  CompleteItem,
  Each,
  IdempotencyStore,
  ReleaseItem,
  RenewItem,
} from "../../contract/store.ts";
import type { Awaitable } from "../../util/awaitable.ts";
import { isError } from "../../util/is-error.ts";
import { backgroundTimer } from "../../util/timers.ts";
import { within } from "../../util/within.ts";
import type { RunStore } from "../shared-runs.ts";
import { IN_TIME, type Timed } from "../store-call.ts";

// B6: the most that go together, and the most at once if each goes alone.
const MOST = 1_000;
const AT_ONCE = 64;
// Characters of results that go together.
const MOST_TEXT = 2 ** 23;

/** Does something after what is going on now. */
type Later = (act: () => void) => void;

/** After the code that runs now, and what waits for the same answer as it does. */
const soon: Later = act => void Promise.resolve().then(act);

/** After the timers that are due now: each renewal has one of its own. */
const afterTimers: Later = act => void backgroundTimer(act, 0);

/**
 * A store as the calls of one `executeMany` use it: what they ask at the same time goes to the store together, if it can
 * do many at once, and else one by one (B6).
 */
export function gatheredStore(store: IdempotencyStore): RunStore {
  const alone = atMost(AT_ONCE);

  function gather<Item extends { key: string; outcome?: string }, T>(
    many: ((items: readonly Item[]) => Awaitable<readonly Each<T>[]>) | undefined,
    one: (item: Item) => Awaitable<T>,
    later = soon,
  ): (item: Item) => Promise<T> {
    if (many === undefined) return item => alone.begin(item.key, async () => one(item));
    const ask = async (items: readonly Item[]) => {
      const { length } = items;
      return length > 1 ? checked(await many.call(store, items), length) : [await one(items[0]!)];
    };
    let batch: Batch<Item, T> | undefined;
    let text = 0;

    function send(): void {
      batch?.send();
      batch = undefined;
      text = 0;
    }

    return item => {
      if (batch === undefined) {
        batch = newBatch(ask);
        later(send);
      }
      const { size, answer } = batch.add(item);
      text += item.outcome?.length ?? 0;
      if (size === MOST || text > MOST_TEXT) send();
      return answer;
    };
  }

  const renewOne = ({ key, token, leaseMs }: RenewItem) => store.renew(key, token, leaseMs);
  const renew = gather(store.renewMany, renewOne, afterTimers);
  const hold = gather(store.renewMany, renewOne);
  const claim = gather(store.claimMany, ({ key, request }: ClaimItem) => store.claim(key, request));
  const complete = gather(store.completeMany, ({ key, token, outcome, ttlMs }: CompleteItem) =>
    store.complete(key, token, outcome, ttlMs),
  );
  const release = gather(store.releaseMany, ({ key, token }: ReleaseItem) => store.release(key, token));
  return {
    claim: (key, request) => claim({ key, request }),
    renew: (key, token, leaseMs) => (leaseMs > 0 ? renew : hold)({ key, token, leaseMs }),
    complete: (key, token, outcome, ttlMs) => complete({ key, token, outcome, ttlMs }),
    release: (key, token) => release({ key, token }),
    forget: (key, seen) => store.forget(key, seen),
    abandoned(key) {
      alone.giveUp(key);
      store.abandoned?.(key);
    },
    ...(store.settled && { settled: (key, signal) => store.settled!(key, signal) }),
    maxOutcomeBytes: store.maxOutcomeBytes,
  };
}

function checked<T>(answers: readonly Each<T>[], expected: number): readonly Each<T>[] {
  // Read once, and here: an answer that cannot be read is each item's failure.
  if (answers?.length === expected) return Array.from(answers);
  throw new Error(`it returned ${answers?.length} answers for ${expected} items`);
}

/** What goes to the store together. */
interface Batch<Item, T> {
  add(item: Item): { size: number; answer: Promise<T> };
  send(): void;
}

interface Waiting<T> {
  resolve(answer: T): void;
  reject(error: unknown): void;
  /** What an answer that is late is to be rejected with. */
  over?(late: PromiseLike<T>): Error;
}

function newBatch<Item, T>(ask: (items: readonly Item[]) => Promise<readonly Each<T>[]>): Batch<Item, T> {
  const items: Item[] = [];
  const waiting: Waiting<T>[] = [];
  let send = () => {};
  const answers = new Promise<readonly Each<T>[]>(resolve => {
    send = () => resolve(ask(items));
  });
  answers.then(
    all => {
      for (const [n, each] of waiting.entries()) settle(each, all[n] as Each<T>);
    },
    error => {
      for (const { reject } of waiting) reject(error);
    },
  );
  // One timer for all: with one for each, a batch takes a third longer.
  let longestMs = -1;

  function inTime(timeoutMs: number): void {
    if (timeoutMs <= longestMs) return;
    longestMs = timeoutMs;
    const isLate = new Error();
    within(answers, timeoutMs, () => isLate).catch(error => {
      if (error === isLate && timeoutMs === longestMs) waiting.forEach(giveUp);
    });
  }

  function giveUp({ over, reject }: Waiting<T>, n: number): void {
    if (over === undefined) return;
    const late = answers.then(
      all => new Promise<T>((resolve, reject) => settle({ resolve, reject }, all[n] as Each<T>)),
    );
    late.catch(() => {});
    reject(over(late));
  }

  return {
    add(item) {
      const promise = new Promise<T>((resolve, reject) => {
        items.push(item);
        waiting.push({ resolve, reject });
      });
      const each = waiting.at(-1)!;
      const own: Timed<T>[typeof IN_TIME] = (timeoutMs, over) => {
        each.over = over;
        inTime(timeoutMs);
        return promise;
      };
      return { size: items.length, answer: Object.assign(promise, { [IN_TIME]: own }) };
    },
    send: () => send(),
  };
}

function settle<T>({ resolve, reject }: Waiting<T>, answer: Each<T>): void {
  if (isError(answer)) reject(answer);
  else resolve(answer);
}

/**
 * Does at most so many things at once, and the others after them. What nobody waits for any more is not counted: it may
 * never end. The time of
 * each counts from when it is begun.
 */
function atMost(most: number) {
  const running = new Map<object, string>();
  const queue: (() => void)[] = [];

  function goOn(): void {
    while (running.size < most && queue.length > 0) queue.shift()!();
  }

  return {
    begin<T>(key: string, act: () => Promise<T>): Promise<T> & Timed<T> {
      let begun = () => {};
      const sent = new Promise<void>(resolve => {
        begun = resolve;
      });
      const answer = new Promise<T>(resolve => {
        queue.push(() => {
          const answer = act();
          running.set(answer, key);
          const end = () => {
            running.delete(answer);
            goOn();
          };
          answer.then(end, end);
          resolve(answer);
          begun();
        });
      });
      goOn();
      const own: Timed<T>[typeof IN_TIME] = (timeoutMs, over) =>
        sent.then(() => within(answer, timeoutMs, () => over(answer)));
      return Object.assign(answer, { [IN_TIME]: own });
    },
    giveUp(key: string): void {
      for (const [answer, its] of running) if (its === key) running.delete(answer);
      goOn();
    },
  };
}
