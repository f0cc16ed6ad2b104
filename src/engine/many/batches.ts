import { LeaseLostError } from "../../contract/errors.ts";
import type { BatchFn } from "../../contract/many.ts";
import { type Awaitable, disown, isPromise } from "../../util/awaitable.ts";
import { describe } from "../../util/describe.ts";
import { isError } from "../../util/is-error.ts";
import { hasHole } from "../../util/plain-data.ts";
import { backgroundTimer } from "../../util/timers.ts";
import type { Boxed, Host, Run, Seat } from "../call.ts";
import { isAnsweredLate, keepLease, keepLeases, leaseLeftMs } from "../lease.ts";
import { batchExecution } from "./batch-execution.ts";

// B7: how many batches are claimed or run at the same time.
const SLOTS = 2;
// How long those whose claims are made wait for their companions' claims.
const PATIENCE_MS = 100;

/** An item, and its place among all. */
export interface Placed<I> {
  readonly index: number;
  readonly item: I;
}

/** An item on its way: it is not known yet whether it is to run, it is to run, it waits for another's run, or it is over. */
export interface Passenger<I> extends Seat, Placed<I> {
  state: "undecided" | "boarded" | "waiting" | "over";
  /** The batch that it goes with; undefined while it waits. */
  batch: Batch<I> | undefined;
}

interface Boarded<I> {
  readonly passenger: Passenger<I>;
  readonly run: Run;
  resolve(result: Awaitable<Boxed>): void;
  reject(error: unknown): void;
}

/** Items that go together, and hold a slot until each of them is over or waits. */
interface Batch<I> {
  readonly passengers: readonly Passenger<I>[];
  /** How many are neither over nor wait, and of how many of those it is not known whether they are to run. */
  present: number;
  undecided: number;
  boarded: Boarded<I>[];
  patience: ReturnType<typeof setTimeout> | undefined;
  /** The runs whose leases are to be kept if they take long, and what sees to that. */
  readonly runs: Run[];
  keeper: ReturnType<typeof setTimeout> | undefined;
}

/** The batches of one `executeMany`. */
export interface Batches<I> {
  /** Whether another batch may be claimed: those who had to wait and can run now come first. */
  hasRoom(): boolean;
  /** How many items it is not known of whether they are to run. */
  undecided(): number;
  /** How many items wait for another's run. */
  waiting(): number;
  /** Opens a batch of items. The call of each is to be performed then, and its end be said. */
  open(items: readonly Placed<I>[]): readonly Passenger<I>[];
  end(passenger: Passenger<I>): void;
}

/** Runs items in batches of at most `batchSize`, by one call of `fn` each. `changed` is called when there may be room. */
export function batchesOf<I>(fn: BatchFn<I, unknown>, batchSize: number, changed: () => void): Batches<I> {
  // B3: those who had to wait, and hold their keys now.
  const late: Boarded<I>[] = [];
  let open = 0;
  let undecided = 0;
  let waiting = 0;

  const host = { board, leave } as Host;

  function newBatch(passengers: readonly Passenger<I>[], unknown: number): void {
    const batch = {
      passengers,
      present: passengers.length,
      undecided: unknown,
      boarded: [],
      patience: undefined,
      runs: [],
      keeper: undefined,
    };
    for (const passenger of passengers) passenger.batch = batch;
    open += 1;
  }

  /** The item's fate is known, as far as its batch is concerned. */
  function decide(passenger: Passenger<I>, state: Passenger<I>["state"]): void {
    const { batch, state: before } = passenger;
    if (before === "over") return;
    passenger.state = state;
    if (before === "waiting") waiting -= 1;
    if (state === "waiting") waiting += 1;
    if (before === "undecided") undecided -= 1;
    if (batch === undefined) return;
    if (before === "undecided") batch.undecided -= 1;
    if (state === "boarded") return;
    passenger.batch = undefined;
    batch.present -= 1;
    if (batch.present > 0) return;
    open -= 1;
    // A run goes on whose caller has left.
    if (batch.runs.every(({ lease }) => lease === "over")) clearTimeout(batch.keeper);
  }

  function board(passenger: Passenger<I>, run: Run): Promise<Boxed> {
    return new Promise((resolve, reject) => {
      const boarded = { passenger, run, resolve, reject };
      passenger.attempt = run.execution.attempt;
      decide(passenger, "boarded");
      const { batch } = passenger;
      if (batch === undefined) late.push(boarded);
      else batch.boarded.push(boarded);
      if (run.unclaimed === undefined) keep(run, batch);
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
    if (batch !== undefined && batch.boarded.length > 0) departOrWait(batch);
    while (late.length > 0 && open < SLOTS) {
      const boarded = late.splice(0, batchSize);
      // Some may be over by now: their caller has left.
      const present = boarded.map(({ passenger }) => passenger).filter(({ state }) => state !== "over");
      if (present.length > 0) newBatch(present, 0);
      depart(boarded);
    }
    changed();
  }

  /** B3: those who can run do not wait long for the claims of others. */
  function departOrWait(batch: Batch<I>): void {
    if (batch.undecided === 0) {
      clearTimeout(batch.patience);
      const { boarded } = batch;
      batch.boarded = [];
      depart(boarded);
    } else if (batch.patience === undefined) {
      batch.patience = backgroundTimer(() => batch.passengers.forEach(leave), PATIENCE_MS);
    }
  }

  /** B2: exactly those that are claimed, in the order of their items. */
  function depart(boarded: Boarded<I>[]): void {
    const ready = boarded.filter(isReady).sort((a, b) => a.passenger.index - b.passenger.index);
    if (ready.length > 0) void runTogether(fn, ready);
  }

  return {
    hasRoom: () => open < SLOTS && late.length === 0,
    undecided: () => undecided,
    waiting: () => waiting,
    open(items) {
      const passengers = items.map(
        ({ index, item }): Passenger<I> => ({
          host,
          attempt: 0,
          sharesFailure: false,
          index,
          item,
          state: "undecided",
          batch: undefined,
        }),
      );
      undecided += passengers.length;
      newBatch(passengers, passengers.length);
      return passengers;
    },
    end,
  };
}

/** B4: renews the lease of a run, with those of its batch, which may be done soon; a run that waits for one may not. */
function keep<I>(run: Run, batch: Batch<I> | undefined): void {
  if (batch === undefined || isAnsweredLate(run)) keepLease(run);
  else {
    // All that board do so within PATIENCE_MS, and no lease is so short that they would be late.
    batch.runs.push(run);
    batch.keeper ??= keepLeases(batch.runs, run.call.settings.leaseMs);
  }
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
  try {
    const items = boarded.map(({ passenger }) => passenger.item);
    const answer = await fn(items, batchExecution(boarded.map(({ run }) => run)));
    const results = resultsOf(answer, boarded.length);
    for (const [n, { resolve, reject }] of boarded.entries()) {
      const value = results[n];
      if (isError(value)) reject(value);
      else resolve(isPromise(value) ? boxed(value) : { value });
    }
  } catch (error) {
    for (const { reject } of boarded) reject(error);
  }
}

/** A result that is a promise, of whatever make: it speaks for its own item alone (B1). */
async function boxed(result: PromiseLike<unknown>): Promise<Boxed> {
  const value = await result;
  if (isError(value)) throw value;
  return { value };
}

/** P2: all results, each read once; throws if there is not one for each item, or one cannot be read. A hole is none. */
function resultsOf(results: unknown, expected: number): readonly unknown[] {
  try {
    if (Array.isArray(results) && results.length === expected && !hasHole(results)) return [...results];
    if (Array.isArray(results)) Object.values(results).forEach(disown);
  } catch (error) {
    throw mismatch("one that cannot be read", expected, error);
  }
  const got = Array.isArray(results) ? `${Object.keys(results).length} results` : describe(results);
  throw mismatch(got, expected);
}

/** P2: which items were sent nobody knows, so `interruptedInTransit` is true of it. */
function mismatch(came: string, expected: number, cause?: unknown): Error {
  const message = `fn: expected one result for each of ${expected} items, in their order; got ${came}`;
  return Object.assign(new Error(message, { cause }), { code: "ERR_BATCH_RESULTS" });
}
