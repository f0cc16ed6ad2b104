import { type IdempotencySettings, memoryStore } from "./library.ts";
import type { Network } from "./network-store.ts";
import { createProvider } from "./provider.ts";
import { eventsOf, type FaultName, type Scenario } from "./scenario.ts";
import { startSender } from "./sender.ts";
import { readForm } from "./settings.ts";
import type { Message, Side, Tell, TraceEntry, WorkerName } from "./trace.ts";
import { inVirtualTime, seededRandom, type VirtualTime, virtualTime } from "./virtual-time.ts";
import { watched } from "./watched-store.ts";
import { plainWorker, type Shared, type WorkerProcess, wrappedWorker } from "./worker-process.ts";

/** What a simulation has come to so far, as plain data. */
export interface Snapshot {
  now: number;
  isOver: boolean;
  /** All that happened, in its order. */
  trace: readonly TraceEntry[];
  mailboxes: Readonly<Record<Side, readonly Message[]>>;
}

/** The scenario with the wrapper and without it, on the real library, at one time that passes only when it is moved. */
export interface Simulation {
  snapshot(): Snapshot;
  /** Goes on until something happens that can be shown, or to the end. */
  step(): Promise<Snapshot>;
  /** Goes on until that time, in milliseconds since the beginning. */
  advanceTo(ms: number): Promise<Snapshot>;
  /** Goes on until nothing is left to happen. */
  finish(): Promise<Snapshot>;
}

const SEED = 1041;
/** A bound on what can go on for ever only through a mistake. */
const MOST_TASKS = 5_000;

/** Begins a simulation of a scenario. Throws where its form cannot be read. */
export function createSimulation(scenario: Scenario): Simulation {
  const time = virtualTime();
  const random = seededRandom(SEED);
  const trace: TraceEntry[] = [];
  const form = readForm(scenario.form);
  const begin = (side: Side) =>
    startSide(time, scenario, side === "with" ? form : undefined, happening =>
      trace.push({ ...happening, at: time.now(), side }),
    );
  let mailboxes: Snapshot["mailboxes"] = { with: [], without: [] };
  let tasks = 0;
  let hasBegun = false;

  const isOver = () => hasBegun && (time.next() === undefined || tasks >= MOST_TASKS);
  const snapshot = (): Snapshot => ({
    now: time.now(),
    isOver: isOver(),
    trace: [...trace],
    mailboxes: { with: [...mailboxes.with], without: [...mailboxes.without] },
  });

  /** Runs tasks while `goesOn` says so. */
  const run = (goesOn: (next: number) => boolean): Promise<Snapshot> =>
    inVirtualTime(time, random, async () => {
      if (!hasBegun) {
        hasBegun = true;
        mailboxes = { with: begin("with"), without: begin("without") };
      }
      for (let next = time.next(); next !== undefined && tasks < MOST_TASKS; next = time.next()) {
        if (!goesOn(next)) break;
        tasks++;
        await time.runNext();
      }
      return snapshot();
    });

  return {
    snapshot,
    step() {
      const before = trace.length;
      // Whatever happens at the same moment is one step.
      return run(next => trace.length === before || next === time.now());
    },
    async advanceTo(ms) {
      const there = await run(next => next <= ms);
      if (there.isOver) return there;
      time.moveTo(ms);
      return { ...there, now: time.now() };
    },
    finish: () => run(() => true),
  };
}

/** A whole simulation at once. */
export function runScenario(scenario: Scenario): Promise<Snapshot> {
  return createSimulation(scenario).finish();
}

const LOSES_ACKNOWLEDGEMENT: readonly FaultName[] = ["ack-lost", "envelope", "store-down"];
const KILLED_MS = { before: 900, after: 1_900 } as const;
const RESTARTS_MS = 3_000;
const STORE_BACK_MS = 4_000;

/** Starts one side; answers its mailbox, which fills as time passes. With the wrapper where there is a form. */
function startSide(
  time: VirtualTime,
  { fault, choices }: Scenario,
  form: IdempotencySettings | undefined,
  tell: Tell,
): readonly Message[] {
  const provider = createProvider(time, fault, choices.providerRemembers, tell);
  const around = { time, provider, tell };
  const network: Network = { isDown: false };
  const store = memoryStore({ clock: time.wall, maxEntries: 100 });
  const shared: Shared | undefined = form && { store: watched(store, time, tell), network, form, choices };
  const make = (name: WorkerName): WorkerProcess =>
    shared ? wrappedWorker(name, around, shared) : plainWorker(name, around);
  const workers = { A: make("A"), B: make("B") };

  if (fault === "killed") {
    killFirst(time, KILLED_MS[choices.killed], workers, () => make("A"), tell);
  }
  if (fault === "store-down" && shared) loseStore(time, network, tell);
  const plan = {
    losesAcknowledgement: LOSES_ACKNOWLEDGEMENT.includes(fault),
    deliversTwice: fault === "twice",
  };
  const events = eventsOf(fault);
  startSender(
    time,
    plan,
    { A: () => workers.A, B: () => workers.B },
    (worker, delivery) => worker.handle(events, delivery),
    tell,
  );
  return provider.mailbox;
}

/** Kills worker A at that time, and starts it anew as another process. */
function killFirst(
  time: VirtualTime,
  atMs: number,
  workers: Record<WorkerName, WorkerProcess>,
  restart: () => WorkerProcess,
  tell: Tell,
): void {
  time.after(atMs, () => {
    workers.A.actor.isDead = true;
    tell({ type: "killed", worker: "A" });
    time.after(RESTARTS_MS, () => {
      workers.A = restart();
      tell({ type: "restarted", worker: "A" });
    });
  });
}

/** Takes the store out of reach for a while. */
function loseStore(time: VirtualTime, network: Network, tell: Tell): void {
  network.isDown = true;
  tell({ type: "store-lost" });
  time.after(STORE_BACK_MS, () => {
    network.isDown = false;
    tell({ type: "store-back" });
  });
}
