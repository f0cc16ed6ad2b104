import type { Options } from "../../../src/index.ts";
import type { Random } from "../simulation/random.ts";
import type { Plan } from "./call-plan.ts";
import type { Journal } from "./journal.ts";
import { nameOf } from "./work.ts";
import type { Means, WorkerOrders } from "./worker.ts";

export interface Scene {
  orders: WorkerOrders;
  means: Means;
  journal: Journal;
  dice: Random;
  /** Tells the lives of a worker apart in the names of its calls. */
  unique: string;
}

/** A call begins; as an item of others, where it is made together with them. */
export function tellCall(
  { journal }: Pick<Scene, "journal">,
  call: string,
  plan: Plan,
  batch?: string,
): void {
  const { key, onUncertain, onConflict, fingerprint, ttlMs, leaseMs, storeTimeoutMs } = plan;
  const waitMs = onConflict === "reject" ? 0 : plan.waitMs;
  const times = { ttlMs, leaseMs, waitMs, storeTimeoutMs };
  const options = { onUncertain, onConflict, onStoreError: "throw", fingerprint, batch } as const;
  journal.write({ type: "call", call, key, ...times, ...options });
}

export const seconds = (ms: number) => ({ seconds: ms / 1_000 });

/** What a call chooses; `calls` are those that leave when its caller does. */
export function optionsOf(
  { journal }: Pick<Scene, "journal">,
  call: string,
  plan: Plan,
  calls: Iterable<{ call: string; key: string }>,
): Omit<Options, "fingerprint"> {
  const { key, abortAfterMs, onError, onUncertain, onConflict } = plan;
  const controller = abortAfterMs === undefined ? undefined : new AbortController();
  if (controller) {
    setTimeout(() => {
      for (const of of calls) journal.write({ type: "abort", ...of });
      controller.abort(ABORTED);
    }, abortAfterMs);
  }
  return {
    lease: seconds(plan.leaseMs),
    waitTimeout: seconds(plan.waitMs),
    storeTimeout: seconds(plan.storeTimeoutMs),
    onUncertain,
    onConflict,
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
export function refusal(error: unknown): { code?: string; error?: string; aborted?: boolean } {
  if (error === ABORTED) return { aborted: true };
  const name = nameOf(error);
  if (name !== undefined) return { error: name };
  return { code: String((error as { code?: unknown } | null)?.code ?? error) };
}
