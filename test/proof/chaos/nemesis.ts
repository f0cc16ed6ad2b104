import { setTimeout as sleep } from "node:timers/promises";
import { random } from "../simulation/random.ts";
import type { Fault } from "./faults.ts";
import type { Worker, Yard } from "./fleet.ts";

/** How often each fault was done. */
export type Done = Map<string, number>;

const DELAYS_MS = [30, 200, 450, 800];
const HOURS = [0, 1, -1, 26, -26];

/** Does what the plan says, each thing at its time, and waits for the end of all. */
export async function unleash(
  faults: readonly Fault[],
  workers: readonly Worker[],
  yard: Yard,
): Promise<Done> {
  const nemesis = new Nemesis(workers, yard);
  const begun = performance.now();
  const running: Promise<void>[] = [];
  for (const fault of faults) {
    await sleep(Math.max(0, fault.at - (performance.now() - begun)));
    nemesis.throwIfOver();
    running.push(nemesis.commit(fault));
  }
  await Promise.all(running);
  return nemesis.done;
}

class Nemesis {
  readonly done: Done = new Map();
  readonly #workers: readonly Worker[];
  readonly #yard: Yard;
  readonly #dice;
  readonly #swallowed = new Set<Worker>();
  #serverIsBusy = false;
  #failure: { error: unknown } | undefined;

  constructor(workers: readonly Worker[], yard: Yard) {
    this.#workers = workers;
    this.#yard = yard;
    this.#dice = random(yard.settings.seed, 3);
  }

  throwIfOver(): void {
    if (this.#failure) throw this.#failure.error;
    const dead = this.#workers.find(worker => worker.isDead && !worker.isBusy);
    if (dead) throw new Error(`worker ${dead.name} ended by itself:\n${dead.complaint}`);
  }

  async commit({ what, worker: index, forMs }: Fault): Promise<void> {
    const worker = this.#workers[index]!;
    try {
      if (await this.#act(what, worker, forMs)) this.done.set(what, (this.done.get(what) ?? 0) + 1);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** False where something of the kind is going on already. */
  async #act(what: string, worker: Worker, forMs: number): Promise<boolean> {
    const { proxy } = worker;
    const { server, troubles } = this.#yard.backend;
    this.#note(what, worker, forMs);
    switch (what) {
      case "kill":
        return this.#toProcess(worker, async () => {
          await worker.kill();
          await worker.start();
        });
      case "pause":
        return this.#toProcess(worker, async () => {
          worker.pause();
          await sleep(forMs);
          worker.resume();
        });
      case "clock shift":
        worker.shiftClock(this.#dice.pick(HOURS));
        return true;
      case "cut":
        proxy!.cut();
        return true;
      case "reply lost":
        void proxy!.cutBeforeReply(() => true);
        return true;
      case "replies dropped":
        return forAWhile(forMs, on => proxy!.dropReplies(on));
      case "black hole":
      case "long black hole":
        return this.#toWire(worker, () => forAWhile(forMs, on => proxy!.blackHole(on)));
      case "latency":
        return forAWhile(forMs, on => proxy!.delay(on ? this.#dice.pick(DELAYS_MS) : 0));
      case "connections refused":
        proxy!.cut();
        return forAWhile(forMs, on => proxy!.refuse(on));
      case "server killed":
        return this.#toServer(async () => {
          await server!.kill();
          await sleep(forMs);
          await server!.restart();
        });
      case "server paused":
        return this.#toServer(async () => {
          server!.pause();
          await sleep(forMs);
          server!.resume();
        });
      default:
        return this.#toServer(() => troubles[what]!(forMs));
    }
  }

  #note(what: string, { name }: Worker, forMs: number): void {
    const text = `${what}${forMs > 0 ? ` for ${forMs} ms` : ""}`;
    this.#yard.journal.write({ type: "note", process: name, text: `✂ ${text}` });
  }

  async #toProcess(worker: Worker, act: () => Promise<void>): Promise<boolean> {
    if (worker.isBusy) return false;
    worker.isBusy = true;
    await act();
    worker.isBusy = false;
    return true;
  }

  async #toWire(worker: Worker, act: () => Promise<unknown>): Promise<boolean> {
    if (this.#swallowed.has(worker)) return false;
    this.#swallowed.add(worker);
    await act();
    this.#swallowed.delete(worker);
    return true;
  }

  async #toServer(act: () => Promise<void>): Promise<boolean> {
    if (this.#serverIsBusy) return false;
    this.#serverIsBusy = true;
    await act();
    this.#serverIsBusy = false;
    return true;
  }
}

async function forAWhile(ms: number, turn: (on: boolean) => void): Promise<true> {
  turn(true);
  await sleep(ms);
  turn(false);
  return true;
}
