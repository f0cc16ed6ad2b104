import type { Idempotency, IdempotencyStore } from "with-idempotency";
import { library, receipt, TTL } from "./library.ts";
import { type Candidate, inCpu, inTime, type Measured, median, type Row } from "./measure.ts";

/** As many calls at once where throughput is measured. */
export const IN_FLIGHT = 64;

export const text = JSON.stringify(receipt(1));
export const send = async () => receipt(1);

export function oneByOne(name: string, act: () => unknown): Candidate {
  return {
    name,
    run: async count => {
      for (let n = 0; n < count; n++) await act();
    },
  };
}

export function inFlight(name: string, act: () => Promise<unknown>): Candidate {
  return {
    name,
    run: async count => {
      let left = count;
      const lane = async () => {
        while (left-- > 0) await act();
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    },
  };
}

/** A line that compares what ours took with what the reference did, or, with `isTime` false, their speeds. */
export function row(measure: string, [reference, own]: Measured[], target: string, isTime = true): Row {
  return {
    measure,
    ours: inTime(own!.nanoseconds),
    reference: `${inTime(reference!.nanoseconds)} (${reference!.name})`,
    cpu: inCpu(own!, reference!),
    ratio: isTime ? `${(1 / own!.ratio).toFixed(2)} × the time` : `${own!.ratio.toFixed(2)} ×`,
    target,
  };
}

const CROWDS = 5;
const EACH = 250;

/** As many calls with one key by each of the stores at once, a few times over, and what that took beside `fn`. */
export async function crowds(name: string, stores: IdempotencyStore[], target: string): Promise<Row> {
  const instances = stores.map(store => library.createIdempotency({ store }));
  await Promise.all(instances.map((each, n) => each.withIdempotency(`warm:${n}`, TTL, send)));
  const times: { whole: number; fn: number }[] = [];
  for (let round = 0; round < CROWDS; round++) times.push(await crowd(instances, `crowd:${round}`));
  const whole = median(times.map(time => time.whole));
  const fn = median(times.map(time => time.fn));
  return {
    measure: `${name}: ${stores.length} × ${EACH} duplicates at once (1 run, all answered, each time)`,
    ours: inTime(whole * 1e6),
    reference: `${inTime(fn * 1e6)} (\`fn\` alone)`,
    ratio: `${(whole / fn).toFixed(2)} × the time`,
    target,
  };
}

async function crowd(instances: readonly Idempotency[], key: string) {
  let runs = 0;
  let fnTook = 0;
  const fn = async () => {
    runs += 1;
    const begun = performance.now();
    await new Promise(resolve => setTimeout(resolve, 50));
    fnTook = performance.now() - begun;
    return receipt(1);
  };
  const begun = performance.now();
  const calls = instances.flatMap(each =>
    Array.from({ length: EACH }, () => each.withIdempotency(key, TTL, fn)),
  );
  const answers = await Promise.all(calls);
  const whole = performance.now() - begun;
  if (runs !== 1 || answers.length !== instances.length * EACH)
    throw new Error(`${runs} runs, ${answers.length} answers`);
  return { whole, fn: fnTook };
}
