import type { Options } from "../../../src/index.ts";
import type { Random } from "../simulation/random.ts";
import { type Plan, planCall } from "./call-plan.ts";
import type { Journal } from "./journal.ts";
import { nameOf, perform, type Running, shown } from "./work.ts";
import type { Means, WorkerOrders } from "./worker.ts";

interface Scene {
  orders: WorkerOrders;
  means: Means;
  journal: Journal;
  dice: Random;
  /** Tells the lives of a worker apart in the names of its calls. */
  unique: string;
}

const MOST_PENDING = 40;

/** Makes calls at random times until it is stopped; then waits for the answers. */
export function makeCalls(scene: Scene): { stop(): Promise<void> } {
  const { dice, journal, orders } = scene;
  const pending = new Set<Promise<void>>();
  let stopped = false;
  let count = 0;

  const next = () => {
    const delay = (-Math.log(1 - dice.next()) * 1_000) / orders.settings.rate;
    setTimeout(() => {
      if (stopped) return;
      const plan = planCall(dice, orders.settings, journal.now());
      if (pending.size < MOST_PENDING) {
        const done = make(scene, `${orders.name}-${scene.unique}-${++count}`, plan);
        pending.add(done);
        void done.finally(() => pending.delete(done));
      }
      next();
    }, delay);
  };
  next();
  return {
    async stop() {
      stopped = true;
      await Promise.all(pending);
    },
  };
}

async function make(scene: Scene, call: string, plan: Plan): Promise<void> {
  const { journal, means } = scene;
  const { key, onUncertain, onConflict, fingerprint, ttlMs, leaseMs, storeTimeoutMs } = plan;
  const waitMs = onConflict === "reject" ? 0 : plan.waitMs;
  const times = { ttlMs, leaseMs, waitMs, storeTimeoutMs };
  const of = { call, key };
  journal.write({
    type: "call",
    ...of,
    ...times,
    onUncertain,
    onConflict,
    onStoreError: "throw",
    fingerprint,
  });
  const run = (execution: Running) => perform(scene, call, plan, execution);
  try {
    if ("peer" in means) {
      const value = await means.peer(key, ttlMs, idempotencyKey => run({ attempt: 1, idempotencyKey }));
      const by = (value as { by?: string } | null | undefined)?.by;
      journal.write({ type: "result", ...of, value, attempt: 1, replayed: by !== call, persisted: true });
      return;
    }
    const options = optionsOf(scene, call, plan);
    const outcome = await means.idempotency.execute(key, seconds(ttlMs), run, options);
    const { value, attempt, replayed, persisted } = outcome;
    journal.write({ type: "result", ...of, value: shown(value), attempt, replayed, persisted });
  } catch (error) {
    journal.write({ type: "refused", ...of, ...refusal(error) });
  }
}

const seconds = (ms: number) => ({ seconds: ms / 1_000 });

function optionsOf({ journal }: Scene, call: string, plan: Plan): Options {
  const { key, abortAfterMs, onError, onUncertain, onConflict, fingerprint } = plan;
  const controller = abortAfterMs === undefined ? undefined : new AbortController();
  if (controller) {
    setTimeout(() => {
      journal.write({ type: "abort", call, key });
      controller.abort(ABORTED);
    }, abortAfterMs);
  }
  return {
    lease: seconds(plan.leaseMs),
    waitTimeout: seconds(plan.waitMs),
    storeTimeout: seconds(plan.storeTimeoutMs),
    onUncertain,
    onConflict,
    fingerprint,
    signal: controller?.signal,
    onError: onError && (() => onError),
    onEvent: event => {
      if (event.type === "late-claim" || event.type === "store-error") {
        const what = event.type === "store-error" ? `${event.operation} failed: ${event.error}` : event.type;
        journal.write({ type: "note", text: `${call}: ${what}`, key } as never);
      }
    },
  };
}

const ABORTED = "the caller left";
function refusal(error: unknown): { code?: string; error?: string; aborted?: boolean } {
  if (error === ABORTED) return { aborted: true };
  const name = nameOf(error);
  if (name !== undefined) return { error: name };
  return { code: String((error as { code?: unknown } | null)?.code ?? error) };
}
