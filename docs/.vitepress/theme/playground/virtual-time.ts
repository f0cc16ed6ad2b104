import { manualClock } from "./library.ts";

/** A process of the simulation. What it has set in motion ends with it. */
export interface Actor {
  readonly name: string;
  isDead: boolean;
}

interface Task {
  readonly id: number;
  readonly at: number;
  readonly act: () => void;
  readonly actor: Actor | undefined;
  /** Whether it keeps the simulation going. */
  readonly isAwaited: boolean;
}

/** Time that passes only when it is told to: a manual clock, and what is to happen by it. */
export interface VirtualTime {
  /** Milliseconds since the simulation began. */
  now(): number;
  /** Milliseconds since 1970, for stores and clocks. */
  wall(): number;
  /** Runs `act` after that long, unless its actor is dead by then. The actor is the one that acts now, unless given. */
  after(ms: number, act: () => void, actor?: Actor): number;
  /** As `after`, for what only looks on: the simulation does not go on for its sake. */
  observeAfter(ms: number, act: () => void): void;
  cancel(id: unknown): void;
  /** When the next task is due; undefined where nothing is left that anybody waits for. */
  next(): number | undefined;
  /** Moves the clock to the next task, runs it, and lets everything settle that waits for promises only. */
  runNext(): Promise<void>;
  /** Moves the clock there, where nothing is due before. */
  moveTo(ms: number): void;
}

export function virtualTime(): VirtualTime {
  const clock = manualClock();
  const start = clock.now();
  let tasks: Task[] = [];
  let lastId = 0;
  let acting: Actor | undefined;

  const now = () => clock.now() - start;
  const moveTo = (ms: number) => clock.advance(Math.max(0, ms - now()));

  function push(ms: number, act: () => void, actor: Actor | undefined, isAwaited: boolean): number {
    const id = ++lastId;
    const delay = Number.isFinite(ms) && ms > 0 ? ms : 0;
    tasks.push({ id, at: now() + delay, act, actor, isAwaited });
    // Of the same time, in the order in which they were set.
    tasks.sort((a, b) => a.at - b.at || a.id - b.id);
    return id;
  }

  function dropDead(): void {
    tasks = tasks.filter(({ actor }) => !actor?.isDead);
  }

  return {
    now,
    wall: clock.now,
    after: (ms, act, actor = acting) => push(ms, act, actor, true),
    observeAfter: (ms, act) => void push(ms, act, undefined, false),
    cancel(id) {
      tasks = tasks.filter(task => task.id !== id);
    },
    next() {
      dropDead();
      return tasks.some(({ isAwaited }) => isAwaited) ? tasks[0]?.at : undefined;
    },
    async runNext() {
      dropDead();
      const task = tasks.shift();
      if (task === undefined) return;
      moveTo(task.at);
      acting = task.actor;
      task.act();
      await settled();
      acting = undefined;
    },
    moveTo,
  };
}

/** Resolves once all that waits for promises only has gone on: a message comes after them. No timer, which is virtual. */
function settled(): Promise<void> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Numbers that look random, and are the same each time. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

let turn: Promise<unknown> = Promise.resolve();

/**
 * Runs `act` while the timers and clocks of this realm are virtual, and puts the real ones back. One at a time: the
 * library takes its timers and clocks from the realm, and has no other way to be given them.
 */
export function inVirtualTime<T>(time: VirtualTime, random: () => number, act: () => Promise<T>): Promise<T> {
  const mine = turn.then(async () => {
    const restore = install(time, random);
    try {
      return await act();
    } finally {
      restore();
    }
  });
  turn = mine.catch(() => {});
  return mine;
}

function install(time: VirtualTime, random: () => number): () => void {
  const restorers = [
    replace(globalThis, "setTimeout", (act: () => void, ms = 0) => time.after(ms, act)),
    replace(globalThis, "clearTimeout", (id: unknown) => time.cancel(id)),
    replace(Date, "now", time.wall),
    replace(performance, "now", time.now),
    replace(Math, "random", random),
  ];
  return () => {
    for (const restore of restorers) restore();
  };
}

function replace(target: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(target, name, own);
    else Reflect.deleteProperty(target, name);
  };
}
