import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { type Command, end, type Kennel, launch, openKennel } from "../../support/servers/process.ts";
import { random } from "../simulation/random.ts";
import type { Backend } from "./backends.ts";
import type { Journal } from "./journal.ts";
import type { Settings } from "./settings.ts";
import type { WorkerOrders } from "./worker.ts";

type Child = Awaited<ReturnType<typeof launch>>;

/** Starts a program in a process that ends with this one. */
function launchProgram(kennel: Kennel, program: string, args: string[], env: Command["env"] = {}) {
  return launch(kennel, { file: process.execPath, args: [program, ...args], env }, "ready");
}

const LIBRARY = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map(machine => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find(existsSync);

/** How the time of day of workers is made wrong on this machine. */
export const CLOCKS = LIBRARY ? "libfaketime" : "Date of the process";

const HOUR_MS = 3_600_000;

/** A worker, through all of its lives. */
export class Worker {
  readonly index: number;
  /** Where its store is reached; undefined where that is a file. */
  readonly proxy: TcpProxy | undefined;
  /** Whether something is being done to its process. */
  isBusy = false;
  lives = 0;
  readonly #yard: Yard;
  readonly #kennel: Kennel;
  #child: Child | undefined;
  #aheadMs = 0;

  constructor(index: number, yard: Yard, kennel: Kennel, proxy: TcpProxy | undefined) {
    this.index = index;
    this.#yard = yard;
    this.#kennel = kennel;
    this.proxy = proxy;
  }

  get name(): string {
    return `w${this.index + 1}.${this.lives}`;
  }

  async start(): Promise<void> {
    this.lives++;
    const program = join(this.#yard.programs, "worker.mjs");
    this.#child = await launchProgram(this.#kennel, program, [JSON.stringify(this.#orders())], this.#clock());
  }

  #orders(): WorkerOrders {
    const { settings, backend, base, effects, dir } = this.#yard;
    const seeds = [settings.seed, 1, this.index, this.lives];
    return {
      name: this.name,
      journal: join(dir, `${this.name}.jsonl`),
      base,
      seeds,
      settings,
      place: backend.place(this.index, this.proxy?.port ?? 0),
      effects,
      dateShiftMs: LIBRARY && this.proxy ? 0 : this.#aheadMs,
    };
  }

  /** SQLite's clock is the machine's: it is left alone, as that of one machine is one for all. */
  #clock(): Command["env"] {
    if (!LIBRARY || !this.proxy) return {};
    this.#writeClock();
    return {
      LD_PRELOAD: LIBRARY,
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_NO_CACHE: "1",
      FAKETIME_TIMESTAMP_FILE: this.#clockFile(),
    };
  }

  #clockFile = () => join(this.#kennel.dir, "clock");

  /** Makes its time of day wrong: at once, or from its next life on where that is all that can be done. */
  shiftClock(hours: number): void {
    const { skewMs } = this.#yard.backend;
    // Where the workers' clocks decide, they are as wrong as they may be.
    this.#aheadMs = skewMs === undefined ? hours * HOUR_MS : (Math.sign(hours) * skewMs) / 2;
    this.#writeClock();
  }

  #writeClock(): void {
    const ahead = this.#aheadMs / 1_000;
    writeFileSync(this.#clockFile(), `${ahead < 0 ? "" : "+"}${ahead}\n`);
  }

  pause(): void {
    this.#yard.journal.write({ type: "pause", process: this.name });
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
    this.#yard.journal.write({ type: "resume", process: this.name });
  }

  async kill(): Promise<void> {
    this.#yard.journal.write({ type: "crash", process: this.name });
    if (this.#child) await end(this.#kennel, this.#child, "SIGKILL");
  }

  /** Lets it come to its end: it answers the calls that it has, and makes no others. */
  async finish(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    const exit = new Promise(resolve => child.once("exit", resolve));
    child.kill("SIGTERM");
    const tooLong = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await exit;
    clearTimeout(tooLong);
    this.#kennel.watch(undefined);
  }

  /** Whether it ended otherwise than it was told to, and what it said. */
  get complaint(): string | undefined {
    if (this.#child?.exitCode === 0) return undefined;
    return readFileSync(join(this.#kennel.dir, "server.log"), "utf8");
  }

  get isDead(): boolean {
    return this.#child?.exitCode != null;
  }

  async close(): Promise<void> {
    await this.proxy?.stop();
    if (this.#child) await end(this.#kennel, this.#child, "SIGKILL");
    await this.#kennel.close();
  }
}

/** What all workers share. */
export interface Yard {
  settings: Settings;
  backend: Backend;
  journal: Journal;
  base: number;
  effects: number;
  /** Where the processes write. */
  dir: string;
  /** Where their programs are. */
  programs: string;
}

/** Starts the workers, each behind a proxy of its own. */
export async function startFleet(yard: Yard): Promise<Worker[]> {
  const { server } = yard.backend;
  const numbers = Array.from({ length: yard.settings.workers }, (_, index) => index);
  const workers = await Promise.all(
    numbers.map(async index => {
      const proxy = server && (await startProxy(server));
      const worker = new Worker(index, yard, await openKennel("chaos", "KILL"), proxy);
      const dice = random(yard.settings.seed, 2, index);
      worker.shiftClock(dice.pick([0, 2, -3]));
      return worker;
    }),
  );
  const started = await Promise.allSettled(workers.map(worker => worker.start()));
  const failed = started.find(start => start.status === "rejected");
  if (failed) {
    await Promise.all(workers.map(worker => worker.close()));
    throw failed.reason;
  }
  return workers;
}

/** The process of the side effects, and its port. */
export async function startEffects(kennel: Kennel, programs: string, journal: string, base: number) {
  const child = await launchProgram(kennel, join(programs, "effects-server.mjs"), [journal, `${base}`]);
  const port = Number(/ready on (\d+)/.exec(readFileSync(join(kennel.dir, "server.log"), "utf8"))?.[1]);
  return { port, stop: () => end(kennel, child, "SIGKILL") };
}
