import type { BatchPlan, CallPlan, Plan } from "./plan.ts";

/** Whether a plan still fails as the first did. */
export type Fails = (plan: Plan) => Promise<boolean>;

/** The smallest plan that fails the same way, as far as leaving things out finds it. */
export async function shrink(plan: Plan, fails: Fails): Promise<Plan> {
  let smallest = plan;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of smaller(smallest)) {
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

function* smaller(plan: Plan): Generator<Plan> {
  for (const index of plan.faults.keys()) yield { ...plan, faults: plan.faults.toSpliced(index, 1) };
  for (const index of plan.calls.keys()) yield { ...plan, calls: plan.calls.toSpliced(index, 1) };
  for (const index of plan.batches.keys()) yield { ...plan, batches: plan.batches.toSpliced(index, 1) };
  for (const [index, batch] of plan.batches.entries()) {
    for (const simple of simplerBatch(batch)) yield { ...plan, batches: plan.batches.with(index, simple) };
  }
  if (plan.latencyMs > 0) {
    yield { ...plan, latencyMs: 0 };
    yield { ...plan, latencyMs: Math.floor(plan.latencyMs / 2) };
  }
  if (plan.hints) yield { ...plan, hints: false };
  for (const [index, call] of plan.calls.entries()) {
    for (const simple of simpler(call)) yield { ...plan, calls: plan.calls.with(index, simple) };
  }
}

function* simpler(call: CallPlan): Generator<CallPlan> {
  const { work } = call;
  for (const name of ["fingerprint", "abortAfterMs", "onError"] as const) {
    if (call[name] !== undefined) yield { ...call, [name]: undefined };
  }
  if (work.afterEffectMs > 0) yield { ...call, work: { ...work, afterEffectMs: 0 } };
  if (work.beforeEffectMs > 0) yield { ...call, work: { ...work, beforeEffectMs: 0 } };
  if (work.ends === "rich") yield { ...call, work: { ...work, ends: "value" } };
  if (work.heeds) yield { ...call, work: { ...work, heeds: false } };
  if (call.onConflict === "reject") yield { ...call, onConflict: "wait" };
}

function* simplerBatch(batch: BatchPlan): Generator<BatchPlan> {
  const { items, work } = batch;
  if (items.length > 1) {
    for (const index of items.keys()) yield { ...batch, items: items.toSpliced(index, 1) };
  }
  // As many as there are: one batch, where that is all it takes.
  if (batch.batchSize < items.length) yield { ...batch, batchSize: items.length };
  for (const name of ["abortAfterMs", "onError"] as const) {
    if (batch[name] !== undefined) yield { ...batch, [name]: undefined };
  }
  for (const name of ["spreadMs", "beforeEffectMs", "afterEffectMs"] as const) {
    if (work[name] > 0) yield { ...batch, work: { ...work, [name]: 0 } };
  }
  if (work.ends !== "each") yield { ...batch, work: { ...work, ends: "each" } };
  if (work.heeds) yield { ...batch, work: { ...work, heeds: false } };
  if (batch.onConflict === "reject") yield { ...batch, onConflict: "wait" };
  if (batch.reads !== "all") yield { ...batch, reads: "all" };
  for (const [index, item] of items.entries()) {
    if (item.fingerprint !== undefined)
      yield { ...batch, items: items.with(index, { ...item, fingerprint: undefined }) };
    if (item.ends !== "value") yield { ...batch, items: items.with(index, { ...item, ends: "value" }) };
  }
}
