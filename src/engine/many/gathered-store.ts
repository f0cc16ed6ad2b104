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
import type { RunStore } from "../shared-runs.ts";
import { type Queued, SENT } from "../store-call.ts";

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

interface Waiting<Item, T> {
  readonly item: Item;
  resolve(answer: Awaitable<T>): void;
  reject(error: unknown): void;
}

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
    let waiting: Waiting<Item, T>[] = [];
    let text = 0;

    function send(): void {
      const batch = waiting;
      waiting = [];
      text = 0;
      if (batch.length > 1) void together(batch, items => many!.call(store, items));
      else for (const { item, resolve } of batch) resolve((async () => one(item))());
    }

    return item =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) later(send);
        waiting.push({ item, resolve, reject });
        text += item.outcome?.length ?? 0;
        if (waiting.length === MOST || text > MOST_TEXT) send();
      });
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
    abandoned(key) {
      alone.giveUp(key);
      store.abandoned?.(key);
    },
    ...(store.settled && { settled: (key, signal) => store.settled!(key, signal) }),
    maxOutcomeBytes: store.maxOutcomeBytes,
  };
}

async function together<Item, T>(
  batch: readonly Waiting<Item, T>[],
  many: (items: readonly Item[]) => Awaitable<readonly Each<T>[]>,
): Promise<void> {
  try {
    const answers = await many(batch.map(({ item }) => item));
    if (answers?.length !== batch.length) {
      throw new Error(`it gave ${answers?.length} answers for ${batch.length} items`);
    }
    for (const [n, { resolve, reject }] of batch.entries()) {
      const answer = answers[n] as Each<T>;
      if (isError(answer)) reject(answer);
      else resolve(answer);
    }
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

/**
 * Does at most so many things at once, and the others after them. What nobody waits for any more is not counted: it may
 * never end. Each promise says when it was begun.
 */
function atMost(most: number) {
  const running = new Map<object, string>();
  const queue: (() => void)[] = [];

  function goOn(): void {
    while (running.size < most && queue.length > 0) queue.shift()!();
  }

  return {
    begin<T>(key: string, act: () => Promise<T>): Promise<T> & Queued {
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
      return Object.assign(answer, { [SENT]: sent });
    },
    giveUp(key: string): void {
      for (const [answer, its] of running) if (its === key) running.delete(answer);
      goOn();
    },
  };
}
