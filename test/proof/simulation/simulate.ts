import type { IdempotencyStore } from "../../../src/contract/store.ts";
import { check } from "../history/checker.ts";
import type { HistoryEvent, Violation } from "../history/events.ts";
import { makeMany } from "./batches.ts";
import type { Network } from "./network.ts";
import type { Fault, Plan } from "./plan.ts";
import { type Life, make, start } from "./processes.ts";
import { random } from "./random.ts";
import { globalsOf, type Program } from "./sandbox.ts";
import { type Actor, World } from "./world.ts";

/** What came of a plan. */
export interface Simulation {
  history: HistoryEvent[];
  violations: Violation[];
  /** The faults that struck, by kind. */
  struck: Map<string, number>;
  steps: number;
}

/** Lets a plan happen, the same way each time, and checks the history. */
export async function simulate(plan: Plan, program: Program): Promise<Simulation> {
  const history: HistoryEvent[] = [];
  const struck = new Map<string, number>();
  const world = new World(random(plan.seed, 5));
  const record = (event: HistoryEvent) => void history.push(event);
  const network: Network = {
    world,
    plan,
    record,
    server: serverOf(plan, world, program),
    faults: plan.faults.filter(fault => fault.kind === "message"),
    messages: 0,
    messagesOfMany: 0,
    isDown: false,
    epoch: 0,
    cutOff: new Set(),
    provider: new Map(),
    struck: kind => void struck.set(kind, (struck.get(kind) ?? 0) + 1),
  };
  const unhandled = (error: unknown) => record(noteOf(world, `unhandled rejection: ${error}`));
  process.on("unhandledRejection", unhandled);
  schedule(network, program);
  const isAtRest = await world.run();
  await new Promise(resolve => setImmediate(resolve));
  process.off("unhandledRejection", unhandled);
  const items = plan.batches.flatMap(batch => batch.items);
  const keys = new Set(
    [...plan.calls, ...items, ...plan.faults].flatMap(part => ("key" in part ? [part.key] : [])),
  );
  const records = [...keys].filter(key => network.server.read(key) !== undefined).length;
  record({ type: "left", at: world.now, process: "store", records });
  const violations = [...(isAtRest ? check(history) : [restless(world)]), ...unhandledOf(history)];
  return { history, violations, struck, steps: world.steps };
}

const noteOf = ({ now }: World, text: string): HistoryEvent => ({ type: "note", at: now, process: "", text });
const restless = ({ now }: World): Violation => ({
  promise: "answers",
  at: now,
  message: "it never came to rest",
});
const unhandledOf = (history: HistoryEvent[]): Violation[] =>
  history.flatMap(event =>
    event.type === "note" && event.text.startsWith("unhandled")
      ? [{ promise: "answers", at: event.at, message: event.text }]
      : [],
  );

/** The store that all share, by a clock of its own. It never fails, and never stops: the ways to it do. */
function serverOf({ seed }: Plan, world: World, program: Program): IdempotencyStore {
  const actor: Actor = { name: "store", isDead: false, isFrozen: false, held: [], steps: 0, stoodStillMs: 0 };
  const clocks = { monotonicMs: 0, dateMs: 0 };
  const { engine } = program.load(globalsOf(world, actor, random(seed, 11), clocks));
  return engine.memoryStore({ maxEntries: 100 });
}

/** Puts the calls and faults of a plan into the world. */
function schedule(network: Network, program: Program): void {
  const { plan, world } = network;
  const lives = Array.from({ length: plan.processes }, (_, index) => [start(network, program, index, 0)]);
  const living = (index: number, then: (life: Life) => void): void => {
    const life = lives[index]!.at(-1)!;
    // What is to be done while it is down, or stopped, is done when it is up again.
    if (life.actor.isDead) world.after(100, () => living(index, then));
    else world.after(0, () => then(life), life.actor);
  };
  for (const call of plan.calls) {
    world.after(call.at, () => living(call.process, life => make(network, life, call)));
  }
  for (const batch of plan.batches) {
    world.after(batch.at, () => living(batch.process, life => makeMany(network, life, batch)));
  }
  const onSteps: { index: number; step: number; strike: () => void }[] = [];
  for (const fault of plan.faults) {
    if (fault.kind === "message") continue;
    const strike = () => befall(network, program, fault, lives, living);
    const when = "when" in fault ? fault.when : { at: fault.at };
    if (when.step === undefined) world.after(when.at, strike);
    else onSteps.push({ index: (fault as { process: number }).process, step: when.step, strike });
  }
  world.onStep = actor => {
    for (const { index, step, strike } of onSteps) {
      if (lives[index]![0]!.actor === actor && actor.steps === step) strike();
    }
  };
}

type Living = (index: number, then: (life: Life) => void) => void;

function befall(network: Network, program: Program, fault: Fault, lives: Life[][], living: Living): void {
  const life = "process" in fault ? lives[fault.process]!.at(-1)! : undefined;
  if (life?.actor.isDead || fault.kind === "message") return;
  network.struck(fault.kind);
  if (fault.kind === "outage") outage(network, fault.forMs);
  else if (fault.kind === "crash")
    crash(network, life!.actor, fault.forMs, () => reborn(lives[fault.process]!));
  else if (fault.kind === "pause" || fault.kind === "suspension")
    pause(network, life!.actor, fault.forMs, fault.kind === "suspension");
  else if (fault.kind === "partition") partition(network, life!.actor, fault.forMs);
  else if (fault.kind === "clock") setClock(network, life!, fault.byMs);
  else living(fault.process, ({ idempotency }) => void operate(network, idempotency, fault));

  function reborn(of: Life[]): void {
    of.push(start(network, program, (fault as { process: number }).process, of.length));
  }
}

function crash({ world, record }: Network, actor: Actor, forMs: number, restart: () => void): void {
  actor.isDead = true;
  record({ type: "crash", at: world.now, process: actor.name });
  world.after(forMs, restart);
}

function partition({ world, record, cutOff }: Network, actor: Actor, forMs: number): void {
  cutOff.add(actor);
  record({ type: "note", at: world.now, process: actor.name, text: "cut off from the store" });
  world.after(forMs, () => {
    cutOff.delete(actor);
    record({ type: "note", at: world.now, process: actor.name, text: "back in touch with the store" });
  });
}

function setClock({ world, record }: Network, { actor, clocks }: Life, byMs: number): void {
  clocks.dateMs += byMs;
  record({ type: "clock", at: world.now, process: actor.name, byMs });
}

/** Stops a process, or suspends its machine, whose monotonic clock stands still then. */
function pause({ world, record }: Network, actor: Actor, forMs: number, isSuspended: boolean): void {
  if (actor.isFrozen) return;
  actor.isFrozen = true;
  record({ type: "pause", at: world.now, process: actor.name });
  world.after(forMs, () => {
    if (actor.isDead) return;
    record({ type: "resume", at: world.now, process: actor.name });
    if (isSuspended) actor.stoodStillMs += forMs;
    world.thaw(actor);
  });
}

function outage(network: Network, forMs: number): void {
  const { world, record } = network;
  network.isDown = true;
  const epoch = ++network.epoch;
  record({ type: "note", at: world.now, process: "store", text: "down" });
  world.after(forMs, () => {
    if (epoch !== network.epoch) return;
    network.isDown = false;
    record({ type: "note", at: world.now, process: "store", text: "up" });
  });
}

/** What an operator does. That the store fails him is his affair. */
async function operate(network: Network, idempotency: Life["idempotency"], fault: Fault) {
  const { world, plan, record } = network;
  const { kind, key } = fault as Extract<Fault, { key: string }>;
  const value = { by: "operator", tags: [] as string[] };
  // It may be done though nobody hears of it.
  if (kind === "resolve") record({ type: "resolve", at: world.now, process: "operator", key, value });
  try {
    if (kind === "forget") await idempotency.forget(key);
    else if (kind === "inspect") await idempotency.inspect(key);
    else if (kind === "reconcile")
      await Promise.all([sweep(network, idempotency), sweep(network, idempotency)]);
    else await idempotency.resolve(key, { seconds: plan.ttlMs / 1_000 }, value);
  } catch (error) {
    record({ type: "note", at: world.now, process: "operator", text: String(error) });
  }
}

/** Settles what is uncertain by what the provider knows of it. Two do so at once. */
async function sweep(
  { world, plan, record, provider }: Network,
  idempotency: Life["idempotency"],
): Promise<void> {
  for await (const entry of idempotency.list()) {
    const sendings = provider.get(entry.idempotencyKey) ?? [];
    const sent = sendings.find(({ hasHappened }) => hasHappened);
    if (sent !== undefined) {
      const value = { by: sent.by, tags: [] as string[] };
      record({ type: "resolve", at: world.now, process: "operator", key: entry.key!, value });
      await idempotency.resolve(entry, { seconds: plan.ttlMs / 1_000 }, value);
    } else if (sendings.every(({ isOver, actor }) => isOver || actor.isDead)) {
      await idempotency.reopen(entry);
    }
  }
}
