import type { CallPlan, Plan } from "./plan.ts";

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
