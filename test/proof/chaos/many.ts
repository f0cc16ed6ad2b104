import type { BatchExecution, ItemOutcome } from "../../../src/index.ts";
import type { ManyPlan } from "./call-plan.ts";
import { optionsOf, refusal, type Scene, seconds, tellCall } from "./telling.ts";
import { type Planned, performMany, shown } from "./work.ts";

interface Item extends Planned {
  index: number;
}

/** Makes calls together, and writes down what comes of each as of a call of its own. */
export async function makeMany(scene: Scene, batch: string, plan: ManyPlan): Promise<void> {
  const { journal, means } = scene;
  if ("peer" in means) throw new Error("expected no calls that are made together of a peer");
  const items = plan.items.map((plan, index): Item => ({ call: `${batch}.${index + 1}`, plan, index }));
  const calls = items.map(({ call }) => call);
  const keys = items.map(({ plan: { key } }) => key);
  const [{ ttlMs }] = plan.items as [Item["plan"]];
  const begun = new Set<{ call: string; key: string }>();
  journal.write({ type: "many", batch, calls, keys, batchSize: plan.batchSize });
  const config = {
    ...optionsOf(scene, batch, plan.items[0]!, begun),
    ttl: seconds(ttlMs),
    batchSize: plan.batchSize,
    key({ call, plan }: Item) {
      tellCall(scene, call, plan, batch);
      begun.add({ call, key: plan.key });
      return plan.key;
    },
    fingerprint: ({ plan }: Item) => plan.fingerprint,
  };
  const fn = (given: readonly Item[], execution: BatchExecution) => {
    const { idempotencyKeys, idempotencyKey } = execution;
    const calls = given.map(({ call }) => call);
    journal.write({ type: "batch", batch, calls, idempotencyKeys, idempotencyKey, watches: true });
    return performMany(scene, given, execution, plan.ends);
  };
  const outcomes = await means.idempotency.executeMany(items, config, fn);
  for (const [n, { call, plan }] of items.entries()) tellOutcome(scene, { call, key: plan.key }, outcomes[n]);
  journal.write({ type: "outcomes", batch, keys: outcomes.map(({ key }) => key), hasLeft: false });
}

function tellOutcome(
  { journal }: Scene,
  of: { call: string; key: string },
  outcome: ItemOutcome<unknown> | undefined,
): void {
  if (outcome === undefined) return;
  if (outcome.status === "rejected") {
    journal.write({ type: "refused", ...of, ...refusal(outcome.reason) });
    return;
  }
  const { value, attempt, replayed, persisted } = outcome;
  journal.write({ type: "result", ...of, value: shown(value), attempt, replayed, persisted });
}
