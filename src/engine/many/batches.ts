import { LeaseLostError } from "../../contract/errors.ts";
import type { BatchFn } from "../../contract/many.ts";
import { describe } from "../../util/describe.ts";
import { isError } from "../../util/is-error.ts";
import { backgroundTimer } from "../../util/timers.ts";
import type { Run, Seat } from "../call.ts";
import { leaseLeftMs } from "../lease.ts";
import { batchExecution } from "./batch-execution.ts";

// B7: how many batches are claimed or run at the same time.
const SLOTS = 2;
// How long those whose claims are made wait for their companions' claims.
const PATIENCE_MS = 100;

/** An item on its way: it is not known yet whether it is to run, it is to run, it waits for another's run, or it is over. */
export interface Passenger<I> {
  readonly index: number;
  readonly item: I;
  state: "undecided" | "boarded" | "waiting" | "over";
  /** The batch that it goes with; undefined while it waits. */
  batch: Batch<I> | undefined;
  /** The run that its outcome is of, as far as it is known. */
  attempt: number;
  /** Whether `fn` was called for it. */
  hasRun: boolean;
}

interface Boarded<I> {
  readonly passenger: Passenger<I>;
  readonly run: Run;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** Items that go together, and hold a slot until each of them is over or waits. */
interface Batch<I> {
  readonly passengers: Set<Passenger<I>>;
  undecided: number;
  boarded: Boarded<I>[];
  patience: ReturnType<typeof setTimeout> | undefined;
}

/** The batches of one `executeMany`. */
export interface Batches<I> {
  /** Whether another batch may be claimed: those who had to wait and can run now come first. */
  hasRoom(): boolean;
  /** Items of which it is not known whether they are to run. */
  undecided(): number;
  /** Items that wait for another's run. */
  waiting(): number;
  /** Opens a batch. Each item is to be performed then, and its end be said. */
  open(items: readonly { index: number; item: I }[]): Passenger<I>[];
  seat(passenger: Passenger<I>): Seat;
  end(passenger: Passenger<I>): void;
}

/** Runs items in batches of at most `batchSize`, by one call of `fn` each. `changed` is called when there may be room. */
export function batchesOf<I>(fn: BatchFn<I, unknown>, batchSize: number, changed: () => void): Batches<I> {
  const open = new Set<Batch<I>>();
  // B3: those who had to wait, and hold their keys now.
  const late: Boarded<I>[] = [];
  let undecided = 0;
  let waiting = 0;

  const hasRoom = () => open.size < SLOTS;

  function newBatch(passengers: Iterable<Passenger<I>>): Batch<I> {
    const batch: Batch<I> = {
      passengers: new Set(passengers),
      undecided: 0,
      boarded: [],
      patience: undefined,
    };
    for (const passenger of batch.passengers) passenger.batch = batch;
    open.add(batch);
    return batch;
  }

  /** The item's fate is known, as far as its batch is concerned. */
  function decide(passenger: Passenger<I>, state: Passenger<I>["state"]): void {
    const { batch } = passenger;
    if (passenger.state === "waiting") waiting -= 1;
    if (passenger.state === "undecided") {
      undecided -= 1;
      if (batch !== undefined) batch.undecided -= 1;
    }
    passenger.state = state;
    if (state === "waiting") waiting += 1;
    if (state === "boarded" || batch === undefined) return;
    batch.passengers.delete(passenger);
    passenger.batch = undefined;
  }

  function board(passenger: Passenger<I>, run: Run): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const boarded = { passenger, run, resolve, reject };
      decide(passenger, "boarded");
      passenger.attempt = run.execution.attempt;
      const { batch } = passenger;
      if (batch === undefined) late.push(boarded);
      else batch.boarded.push(boarded);
      goOn(batch);
    });
  }

  function leave(passenger: Passenger<I>): void {
    if (passenger.state !== "undecided") return;
    const { batch } = passenger;
    decide(passenger, "waiting");
    goOn(batch);
  }

  function end(passenger: Passenger<I>): void {
    const { batch } = passenger;
    decide(passenger, "over");
    goOn(batch);
  }

  /** After anything that may let a batch depart, end, or another begin. */
  function goOn(batch: Batch<I> | undefined): void {
    if (batch !== undefined) {
      if (batch.boarded.length > 0) departOrWait(batch);
      if (batch.passengers.size === 0) open.delete(batch);
    }
    while (late.length > 0 && hasRoom()) {
      const boarded = late.splice(0, batchSize);
      newBatch(boarded.map(({ passenger }) => passenger));
      depart(boarded);
    }
    changed();
  }

  /** B3: those who can run do not wait long for the claims of others. */
  function departOrWait(batch: Batch<I>): void {
    if (batch.undecided > 0) {
      batch.patience ??= backgroundTimer(() => {
        for (const passenger of [...batch.passengers]) leave(passenger);
      }, PATIENCE_MS);
      return;
    }
    clearTimeout(batch.patience);
    const { boarded } = batch;
    batch.boarded = [];
    depart(boarded);
  }

  /** B2: exactly those that are claimed, in the order of their items. */
  function depart(boarded: Boarded<I>[]): void {
    const ready = boarded.filter(isReady).sort((a, b) => a.passenger.index - b.passenger.index);
    if (ready.length > 0) void runTogether(fn, ready);
  }

  return {
    hasRoom: () => hasRoom() && late.length === 0,
    undecided: () => undecided,
    waiting: () => waiting,
    open(items) {
      const passengers = items.map(
        ({ index, item }): Passenger<I> => ({
          index,
          item,
          state: "undecided",
          batch: undefined,
          attempt: 0,
          hasRun: false,
        }),
      );
      newBatch(passengers).undecided = passengers.length;
      undecided += passengers.length;
      return passengers;
    },
    seat: passenger => ({
      board: run => board(passenger, run),
      leave: () => leave(passenger),
      see(attempt) {
        passenger.attempt = attempt;
      },
    }),
    end,
  };
}

/** Section 6: whether a claim is still one's own before `fn` starts. One that is not is returned, as `fn` never ran by it. */
function isReady<I>({ run, reject }: Boarded<I>): boolean {
  const { call, execution, unclaimed } = run;
  const { signal } = call.settings;
  if (unclaimed === undefined && leaseLeftMs(run) <= 0) {
    execution.abort(
      new LeaseLostError("The lease on the key is lost: its batch began too late.", { key: call.key }),
    );
  }
  if (!execution.isAborted && !signal?.aborted) return true;
  run.isIdle = true;
  reject(execution.signal.reason ?? signal?.reason);
  return false;
}

async function runTogether<I>(fn: BatchFn<I, unknown>, boarded: readonly Boarded<I>[]): Promise<void> {
  const runs = boarded.map(({ run }) => run);
  for (const { passenger } of boarded) passenger.hasRun = true;
  try {
    const results: unknown = await fn(
      boarded.map(({ passenger }) => passenger.item),
      batchExecution(runs),
    );
    if (!Array.isArray(results) || results.length !== boarded.length) throw mismatch(results, boarded.length);
    for (const [n, { resolve, reject }] of boarded.entries()) {
      const result: unknown = results[n];
      if (isError(result)) reject(result);
      else resolve(result);
    }
  } catch (error) {
    for (const { reject } of boarded) reject(error);
  }
}

/** P2: which items were sent nobody knows, so `interruptedInTransit` is true of it. */
function mismatch(results: unknown, expected: number): Error {
  const came = Array.isArray(results) ? `${results.length} results` : describe(results);
  const message = `fn: expected one result for each of ${expected} items, in their order; got ${came}`;
  return Object.assign(new Error(message), { code: "ERR_BATCH_RESULTS" });
}
