import { type Execution, interruptedInTransit } from "../../../src/index.ts";
import type { Plan } from "./call-plan.ts";
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

/** The name of an error that fn threw. */
export const nameOf = (error: unknown): string | undefined => names.get(Object(error));

interface Scene {
  orders: Pick<WorkerOrders, "name" | "effects" | "settings">;
  journal: Journal;
}

/** What fn is told of its run. */
export type Running = Pick<Execution, "attempt" | "idempotencyKey"> & { signal?: AbortSignal };

/** What fn does: a while, the side effect, a while, and its end. */
export async function perform(scene: Scene, call: string, plan: Plan, execution: Running): Promise<unknown> {
  const { journal, orders } = scene;
  const { key, work } = plan;
  const { attempt, idempotencyKey, signal } = execution;
  journal.write({ type: "start", call, key, attempt, idempotencyKey, watches: signal !== undefined });
  signal?.addEventListener("abort", () =>
    journal.write({ type: "lost", call, key, reason: String(signal.reason?.code ?? signal.reason) }),
  );
  const heeded = work.heeds ? signal : undefined;
  try {
    await pass(work.beforeMs, heeded);
    if (work.blocks === "before") block(journal, plan.leaseMs * 1.3);
    if (work.ends === "error before") throw new Error("no");
    await post(orders.effects, { how: work.effect, process: orders.name, call, key, idempotencyKey }, heeded);
    if (work.blocks === "after") block(journal, plan.leaseMs * 1.3);
    await pass(work.afterMs, heeded);
    if (work.ends === "error after") throw new Error("no");
  } catch (error) {
    throw named(scene, call, plan, error, signal);
  }
  const storable = work.ends !== "unstorable" || orders.settings.peer !== undefined;
  const value = storable ? { by: call } : new Receipt(call);
  journal.write({ type: "end", call, key, value: shown(value), storable });
  return value;
}

function named({ journal }: Scene, call: string, plan: Plan, error: unknown, signal?: AbortSignal): unknown {
  const usual =
    (signal?.aborted && error === signal.reason) || interruptedInTransit(error) ? "hold" : "release";
  const policy = plan.onError ?? usual;
  const thrown = `the error of ${call}`;
  if (typeof error === "object" && error !== null) names.set(error, thrown);
  const shared = typeof error === "object" ? thrown : String(error);
  journal.write({ type: "throw", call, key: plan.key, error: shared, policy });
  return error;
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
