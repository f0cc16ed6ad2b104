import { detached } from "../../util/detached.ts";
import { realTimer } from "../../util/timers.ts";
import type { AskMany, BatchItem, BatchOperation } from "./batch-statements.ts";
import type { Ask } from "./operations.ts";

/** When operations are joined. */
export interface Gathering {
  /** So many statements of a kind are under way before others wait for company. */
  readonly lanes: number;
  /** The fewest operations that go as a joined statement. */
  readonly fewest: number;
}

const GATHERING: Gathering = { lanes: 2, fewest: 2 };
const MOST = 256;
// Characters of results in one statement.
const MOST_TEXT = 2 ** 20;
// The longest wait for company, where the statements under way are slow or stuck.
const WAIT_MS = 5;

type Rows = readonly unknown[];

/** What an operation does after its wait: take its rows, or ask alone, `apart` if its joined statement failed. */
type Turn = Rows | "alone" | "apart";

interface Waiting {
  readonly item: BatchItem;
  settle(turn: Turn): void;
}

/**
 * Joins claims that wait while others are under way into one statement, and completions likewise. With 64 calls in
 * flight, first calls are 3 times and replays 6 times as fast as by a statement each. What is unusual goes on alone: a
 * claim of a key that was released, lapsed or is past its time, a refused completion, and all of a statement that fails.
 */
export function gathered(ask: Ask, askMany: AskMany, gathering = GATHERING): Ask {
  const by = (operation: BatchOperation) =>
    gatherer(
      item => ask(operation, item),
      items => askMany(operation, items),
      gathering,
    );
  const claim = by("claim");
  const complete = by("complete");
  return (operation, values) => {
    if (operation === "claim") return claim(values as BatchItem);
    return operation === "complete" ? complete(values as BatchItem) : ask(operation, values);
  };
}

function gatherer(
  alone: (item: BatchItem) => Promise<Rows>,
  together: (items: readonly BatchItem[]) => ReturnType<AskMany>,
  { lanes: count, fewest }: Gathering,
): (item: BatchItem) => Promise<Rows> {
  const lanes = lanesOf(count);
  const apart = keysApart();
  const queue = queueFor(lanes, batch => {
    if (batch.length >= fewest) void send(batch);
    else for (const { settle } of batch) settle("alone");
  });
  const inLane = <T>(act: () => Promise<T>) => lanes.run(act).finally(queue.wake);
  const goApart = (item: BatchItem) => apart.during(item.key, () => alone(item));

  async function send(batch: readonly Waiting[]): Promise<void> {
    const answers = await inLane(() => together(batch.map(({ item }) => item))).catch(() => []);
    // S2, S5: whether or not it was done, each asks again with its own token.
    for (const [n, { settle }] of batch.entries()) settle(answers[n] ?? "apart");
  }

  // A statement of one's own is sent in the context of one's call.
  return async item => {
    if (apart.has(item.key)) return goApart(item);
    const turn = await queue.wait(item);
    if (turn === "alone") return inLane(() => alone(item));
    return turn === "apart" ? goApart(item) : turn;
  };
}

type Lanes = ReturnType<typeof lanesOf>;

/** Counts the statements that are under way. */
function lanesOf(count: number) {
  // The oldest first.
  const busy = new Set<object>();
  return {
    areFull: () => busy.size >= count,
    async run<T>(act: () => Promise<T>): Promise<T> {
      const lane = {};
      busy.add(lane);
      try {
        return await act();
      } finally {
        busy.delete(lane);
      }
    },
    /** Counts the oldest no more. */
    giveUpOldest(): void {
      const [oldest] = busy;
      if (oldest !== undefined) busy.delete(oldest);
    },
  };
}

/** Keys that are asked alone now. They may be locked, and no batch is to wait for them again meanwhile. */
function keysApart() {
  const counts = new Map<string, number>();
  return {
    has: (key: string) => counts.has(key),
    async during<T>(key: string, act: () => Promise<T>): Promise<T> {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      try {
        return await act();
      } finally {
        const left = counts.get(key)! - 1;
        if (left > 0) counts.set(key, left);
        else counts.delete(key);
      }
    },
  };
}

/** Those who wait for a lane. They depart in nobody's context, and together with all that come at the same time. */
function queueFor(lanes: Lanes, depart: (batch: Waiting[]) => void) {
  let queue: Waiting[] = [];
  let isWoken = false;
  let isTimed = false;

  function wake(): void {
    if (queue.length === 0 || isWoken) return;
    if (lanes.areFull()) {
      waitAtMost();
      return;
    }
    isWoken = true;
    detached(() => {
      isWoken = false;
      while (queue.length > 0 && !lanes.areFull()) {
        const { batch, rest } = split(queue);
        queue = rest;
        depart(batch);
      }
      if (queue.length > 0) waitAtMost();
    });
  }

  function waitAtMost(): void {
    if (isTimed) return;
    isTimed = true;
    const [first] = queue;
    const ring = () => {
      isTimed = false;
      // A statement that is stuck holds up no others.
      if (queue[0] === first) lanes.giveUpOldest();
      wake();
    };
    // A real timer, if there is one: a test's fake timer may never ring, and then no other would be set.
    if (!realTimer(ring, WAIT_MS)) detached(() => setTimeout(ring, WAIT_MS));
  }

  const wait = (item: BatchItem) =>
    new Promise<Turn>(settle => {
      queue.push({ item, settle });
      wake();
    });
  return { wait, wake };
}

/** The next that go together, and those that wait on: a key stands once in a statement. */
function split(queue: readonly Waiting[]): { batch: Waiting[]; rest: Waiting[] } {
  const batch: Waiting[] = [];
  const rest: Waiting[] = [];
  const keys = new Set<string>();
  let size = 0;
  for (const [n, waiting] of queue.entries()) {
    const { key, outcome = "" } = waiting.item;
    size += outcome.length;
    const isFull = batch.length === MOST || (size > MOST_TEXT && n > 0);
    if (isFull) return { batch, rest: [...rest, ...queue.slice(n)] };
    if (keys.has(key)) rest.push(waiting);
    else batch.push(waiting);
    keys.add(key);
  }
  return { batch, rest };
}
