import { type Plan, planCall, planMany } from "./call-plan.ts";
import { makeMany } from "./many.ts";
import { optionsOf, refusal, type Scene, seconds, tellCall } from "./telling.ts";
import { perform, type Running, shown } from "./work.ts";

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
      const many = planMany(dice, orders.settings, journal.now());
      const plan = many ?? planCall(dice, orders.settings, journal.now());
      if (pending.size < MOST_PENDING) {
        const name = `${orders.name}-${scene.unique}-${++count}`;
        const done = "items" in plan ? makeMany(scene, name, plan) : make(scene, name, plan);
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
  const { key, ttlMs } = plan;
  const of = { call, key };
  tellCall(scene, call, plan);
  const run = (execution: Running) => perform(scene, call, plan, execution);
  try {
    if ("peer" in means) {
      const value = await means.peer(key, ttlMs, idempotencyKey => run({ attempt: 1, idempotencyKey }));
      const by = (value as { by?: string } | null | undefined)?.by;
      journal.write({ type: "result", ...of, value, attempt: 1, replayed: by !== call, persisted: true });
      return;
    }
    const { fingerprint } = plan;
    const options = { ...optionsOf(scene, call, plan, [of]), fingerprint };
    const outcome = await means.idempotency.execute(key, seconds(ttlMs), run, options);
    const { value, attempt, replayed, persisted } = outcome;
    journal.write({ type: "result", ...of, value: shown(value), attempt, replayed, persisted });
  } catch (error) {
    journal.write({ type: "refused", ...of, ...refusal(error) });
  }
}
