import type { Random } from "./random.ts";

/** Something that can be stopped and can die: a process of the simulation. */
export interface Actor {
  readonly name: string;
  isDead: boolean;
  isFrozen: boolean;
  /** What came due while it was stopped. */
  readonly held: Task[];
  /** How many of its steps have been done. */
  steps: number;
  /** For how long its monotonic clock, and its timers with it, have stood still. */
  stoodStillMs: number;
}

/** Something that will happen. */
export interface Task {
  at: number;
  /** Decides between tasks of the same time. */
  order: number;
  act: () => void;
  actor: Actor | undefined;
  isOff: boolean;
  /** Of a timer: for how long its actor's clock had stood still when it was set. */
  setAtMs?: number;
}

const MAX_STEPS = 20_000;

/**
 * A world with a time of its own: one task after another, in the order of their times and, at the same time, in an
 * order that the seed decides. Between two tasks everything settles that waits for promises only.
 */
export class World {
  now = 0;
  steps = 0;
  /** Told after each step of an actor. */
  onStep: (actor: Actor) => void = () => {};
  readonly #random: Random;
  readonly #tasks: Task[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  after(ms: number, act: () => void, actor?: Actor): Task {
    const delay = Number.isFinite(ms) && ms > 0 ? ms : 0;
    return this.#push({ at: this.now + delay, order: this.#random.next(), act, actor, isOff: false });
  }

  /** Lets everything happen that is to happen. False where it never comes to rest. */
  async run(): Promise<boolean> {
    for (let task = this.#pop(); task !== undefined; task = this.#pop()) {
      if (task.isOff || task.actor?.isDead || this.#isPutOff(task)) continue;
      if (task.actor?.isFrozen) {
        task.actor.held.push(task);
        continue;
      }
      if (++this.steps > MAX_STEPS) return false;
      this.now = Math.max(this.now, task.at);
      task.act();
      await settled();
      if (task.actor) this.#count(task.actor);
    }
    return true;
  }

  /** A timer of a process: it rings by that process's own monotonic clock. */
  timer(ms: number, act: () => void, actor: Actor): Task {
    return Object.assign(this.after(ms, act, actor), { setAtMs: actor.stoodStillMs });
  }

  /** Whether its clock has stood still meanwhile, so that it rings later. */
  #isPutOff(task: Task): boolean {
    const { actor, setAtMs } = task;
    if (actor === undefined || setAtMs === undefined || setAtMs === actor.stoodStillMs) return false;
    task.at += actor.stoodStillMs - setAtMs;
    task.setAtMs = actor.stoodStillMs;
    this.#push(task);
    return true;
  }

  /** What came due while an actor was stopped happens as soon as it goes on, in its order. */
  thaw(actor: Actor): void {
    actor.isFrozen = false;
    for (const [index, task] of actor.held.entries()) {
      if (!this.#isPutOff(task)) this.#push(Object.assign(task, { at: this.now, order: index / 1e6 }));
    }
    actor.held.length = 0;
  }

  #count(actor: Actor): void {
    actor.steps++;
    this.onStep(actor);
  }

  #push(task: Task): Task {
    const tasks = this.#tasks;
    let index = tasks.push(task) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(task, tasks[parent]!)) break;
      tasks[index] = tasks[parent]!;
      index = parent;
    }
    tasks[index] = task;
    return task;
  }

  #pop(): Task | undefined {
    const tasks = this.#tasks;
    const first = tasks[0];
    const last = tasks.pop();
    if (last === undefined || tasks.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= tasks.length) break;
      if (child + 1 < tasks.length && isBefore(tasks[child + 1]!, tasks[child]!)) child++;
      if (!isBefore(tasks[child]!, last)) break;
      tasks[index] = tasks[child]!;
      index = child;
    }
    tasks[index] = last;
    return first;
  }
}

const isBefore = (a: Task, b: Task) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Resolves when all that waits for promises only has gone on: Node runs what is due next when they are through. */
function settled(): Promise<void> {
  return new Promise(resolve => queueMicrotask(() => process.nextTick(resolve)));
}
