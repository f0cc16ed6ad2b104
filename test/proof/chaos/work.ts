import { type BatchExecution, type Execution, interruptedInTransit } from "../../../src/index.ts";
import { MISMATCH, mismatchOf } from "../simulation/values.ts";
import type { BatchEnd, Plan } from "./call-plan.ts";
import { post } from "./effects-client.ts";
import type { Journal } from "./journal.ts";
import type { WorkerOrders } from "./worker.ts";

/** What no store can keep. */
class Receipt {
  readonly by: string;
  constructor(by: string) {
    this.by = by;
  }
}

/** The value as a history shows it. */
export const shown = (value: unknown) => (value instanceof Receipt ? { unstorable: value.by } : value);

const names = new WeakMap<object, string>();

/** The name of an error that fn threw, or brought about. */
export const nameOf = (error: unknown): string | undefined => names.get(Object(error)) ?? mismatchOf(error);

interface Scene {
  orders: Pick<WorkerOrders, "name" | "effects" | "settings">;
  journal: Journal;
}

/** What fn is told of its run. */
export type Running = Pick<Execution, "attempt" | "idempotencyKey"> & { signal?: AbortSignal };

/** What fn does: a while, the side effect, a while, and its end. */
export async function perform(scene: Scene, call: string, plan: Plan, execution: Running): Promise<unknown> {
  const { signal } = execution;
  begin(scene, { call, plan }, execution, signal !== undefined);
  try {
    await work(scene, { call, plan }, execution);
  } catch (error) {
    fail(scene, { call, plan }, nameError(error, call), policyOf(plan, error, signal));
    throw error;
  }
  return succeed(scene, { call, plan });
}

/** A call, and what it is to do. */
export interface Planned {
  call: string;
  plan: Plan;
}

/** What fn does for the items of a batch, at the same time; what came of each is known when all are done. */
export async function performMany(
  scene: Scene,
  items: readonly Planned[],
  { attempts, idempotencyKeys, signal }: BatchExecution,
  ends: BatchEnd,
): Promise<unknown[]> {
  const executions = items.map((_, n) => ({
    attempt: attempts[n]!,
    idempotencyKey: idempotencyKeys[n]!,
    signal,
  }));
  // A signal of several tells when all of them are lost.
  for (const [n, item] of items.entries()) begin(scene, item, executions[n]!, items.length === 1);
  const done = await Promise.allSettled(items.map((item, n) => work(scene, item, executions[n]!)));
  if (ends === "too few") {
    for (const item of items) fail(scene, item, MISMATCH, item.plan.onError ?? "hold");
    return items.slice(1).map(() => "sent");
  }
  const failure = ends === "throws" ? done.find(({ status }) => status === "rejected") : undefined;
  if (failure?.status === "rejected") {
    const name = nameError(failure.reason, items[0]!.call);
    for (const item of items) fail(scene, item, name, policyOf(item.plan, failure.reason, signal));
    throw failure.reason;
  }
  return done.map((end, n) => {
    const item = items[n]!;
    if (end.status === "fulfilled") return succeed(scene, item);
    // In its place an error counts as a failure, and nothing else does.
    const error = end.reason instanceof Error ? end.reason : new Error(String(end.reason));
    fail(scene, item, nameError(error, item.call), policyOf(item.plan, end.reason, signal));
    return error;
  });
}

function begin({ journal }: Scene, { call, plan }: Planned, execution: Running, watches: boolean): void {
  const { attempt, idempotencyKey, signal } = execution;
  const { key } = plan;
  journal.write({ type: "start", call, key, attempt, idempotencyKey, watches });
  signal?.addEventListener("abort", () =>
    journal.write({ type: "lost", call, key, reason: String(signal.reason?.code ?? signal.reason) }),
  );
}

async function work({ journal, orders }: Scene, { call, plan }: Planned, execution: Running): Promise<void> {
  const { key, work } = plan;
  const { idempotencyKey, signal } = execution;
  const heeded = work.heeds ? signal : undefined;
  await pass(work.beforeMs, heeded);
  if (work.blocks === "before") block(journal, plan.leaseMs * 1.3);
  if (work.ends === "error before") throw new Error("no");
  await post(orders.effects, { how: work.effect, process: orders.name, call, key, idempotencyKey }, heeded);
  if (work.blocks === "after") block(journal, plan.leaseMs * 1.3);
  await pass(work.afterMs, heeded);
  if (work.ends === "error after") throw new Error("no");
}

function succeed({ journal, orders }: Scene, { call, plan }: Planned): unknown {
  const storable = plan.work.ends !== "unstorable" || orders.settings.peer !== undefined;
  const value = storable ? { by: call } : new Receipt(call);
  journal.write({ type: "end", call, key: plan.key, value: shown(value), storable });
  return value;
}

type Policy = "release" | "hold" | "store";

function policyOf(plan: Plan, error: unknown, signal: AbortSignal | undefined): Policy {
  const isHeld = (signal?.aborted && error === signal.reason) || interruptedInTransit(error);
  return plan.onError ?? (isHeld ? "hold" : "release");
}

/** One name for an error, whoever throws it: all items of a batch may throw the reason of its signal. */
function nameError(error: unknown, call: string): string {
  if (typeof error !== "object" || error === null) return String(error);
  const thrown = names.get(error) ?? `the error of ${call}`;
  names.set(error, thrown);
  return thrown;
}

function fail({ journal }: Scene, { call, plan }: Planned, error: string, policy: Policy): void {
  journal.write({ type: "throw", call, key: plan.key, error, policy });
}

function pass(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(done, ms);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    function done() {
      signal?.removeEventListener("abort", abort);
      resolve();
    }
    signal?.addEventListener("abort", abort);
  });
}

/** Keeps the event loop from turning, and says so before, since whoever is killed meanwhile could not. */
function block({ write }: Journal, ms: number): void {
  const until = performance.now() + ms;
  write({ type: "pause" });
  while (performance.now() < until);
  write({ type: "resume" });
}
