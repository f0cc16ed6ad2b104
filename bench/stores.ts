import { receipt } from "./library.ts";
import { type Candidate, inTime, type Measured, type Row } from "./measure.ts";

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
    ratio: isTime ? `${(1 / own!.ratio).toFixed(2)} × the time` : `${own!.ratio.toFixed(2)} ×`,
    target,
  };
}
