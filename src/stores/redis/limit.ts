import { detached } from "../../util/detached.ts";
import { backgroundTimer, timersEndWithRequest } from "../../util/timers.ts";

/** Does something that weighs so much as soon as there is room for it, in the order in which it was asked. */
type Limit = <T>(weight: number, act: () => Promise<T>) => Promise<T>;

// What has had no answer for so long may never have one, and stands in nobody's way any more.
const HOLD_MS = 5_000;

/** Keeps what is under way at once below a weight. What is heavier than that alone has its turn by itself. */
export function limiting(most: number): Limit {
  // On workerd nothing of one request may wait for another's.
  if (timersEndWithRequest) return (_, act) => act();
  const waiting: { weight: number; begin: () => void }[] = [];
  let under = 0;
  const hasRoom = (weight: number) => under === 0 || under + weight <= most;

  /** Takes room, at once if there is some. What waits for it goes on in its own asynchronous context. */
  function enter(weight: number): Promise<void> | undefined {
    if (waiting.length > 0 || !hasRoom(weight))
      return new Promise(begin => {
        waiting.push({ weight, begin });
      });
    under += weight;
    return undefined;
  }

  /** Makes room, once. */
  function leaving(weight: number): () => void {
    let isGone = false;
    return () => {
      if (isGone) return;
      isGone = true;
      under -= weight;
      for (let first = waiting[0]; first && hasRoom(first.weight); first = waiting[0]) {
        under += first.weight;
        waiting.shift()?.begin();
      }
    };
  }

  return async (weight, act) => {
    const room = enter(weight);
    if (room !== undefined) await room;
    const leave = leaving(weight);
    const stop = after(HOLD_MS, leave);
    try {
      return await act();
    } finally {
      stop();
      leave();
    }
  };
}

/** Rings after so long, in nobody's asynchronous context, unless it is stopped before. */
function after(ms: number, ring: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  detached(() => {
    if (!isOver) timer = backgroundTimer(ring, ms);
  });
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

const limits = new WeakMap<object, Limit>();

/** The limit of a client, which all stores of that client have in common. */
export function limitOf(client: object, most: number): Limit {
  const limit = limits.get(client) ?? limiting(most);
  limits.set(client, limit);
  return limit;
}
