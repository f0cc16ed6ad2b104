import { LeaseLostError } from "../contract/errors.ts";
import { backgroundTimer, timersEndWithRequest } from "../util/timers.ts";
import type { Call } from "./call.ts";
import { askStore } from "./store-call.ts";

// A run is renewed at the second beat that it sees at the latest, so twice more before its lease ends if one fails.
const BEATS_PER_LEASE = 4;

/** Told when another call may hold the key by now; `certain` where the store said so. */
type OnLost = (error: LeaseLostError, certain: boolean) => void;

/** What a call holds while it runs: its claim, and how long that lasts if nothing more is heard of it. */
export class Lease {
  /** When the lease ends by this process's monotonic clock, counted from before the request that began it. */
  deadline: number;
  /** @internal Where it stands among those of its heart. */
  position = 0;
  readonly #call: Call;
  readonly #onLost: OnLost;
  #heart: Heart | undefined;
  #concluding = false;
  #seen = false;
  #watched: number | undefined;

  constructor(call: Call, onLost: OnLost) {
    this.#call = call;
    this.#onLost = onLost;
    this.deadline = (call.claimedAt ?? performance.now()) + call.settings.leaseMs;
  }

  /** Renews the lease from now on, until {@link stop}. */
  keep(): void {
    this.#heart = heartOf(this.#call.settings.leaseMs);
    this.#heart.add(this);
    // Where the answer to the claim took its time, the next beat may come too late.
    if (this.#call.claimedAt === undefined || this.#remainsMs() >= this.#call.settings.leaseMs * 0.75) return;
    this.#watchDeadline();
    void this.#renew();
  }

  /** Renews on while the outcome is written, when a refusal may only say that it has been. */
  conclude(): void {
    this.#concluding = true;
  }

  stop(): void {
    this.#heart?.remove(this);
    this.#heart = undefined;
  }

  /** @internal */
  beat(): void {
    // A run that began just before this beat has most of its lease before it.
    if (this.#seen) void this.#renew();
    this.#seen = true;
  }

  async #renew(): Promise<void> {
    const { store, storeKey, token, settings } = this.#call;
    const { leaseMs, storeTimeoutMs } = settings;
    const begun = performance.now();
    // Not past the next beat, which asks anew.
    const timeoutMs = Math.min(storeTimeoutMs, leaseMs / BEATS_PER_LEASE);
    const held = await askStore(this.#call, "renew", () => store.renew(storeKey, token, leaseMs), timeoutMs);
    if (this.#heart === undefined) return;
    if (held === true) this.deadline = begun + leaseMs;
    if (held === false) this.#lose("another call holds the key, or it was removed", true);
    if (held === undefined) this.#watchDeadline();
  }

  /** After a renewal that failed: the lease is lost at its end, unless one succeeds until then. */
  #watchDeadline(): void {
    const { deadline } = this;
    if (this.#watched === deadline) return;
    this.#watched = deadline;
    backgroundTimer(() => {
      if (this.#heart !== undefined && this.deadline === deadline)
        this.#lose("it could not be renewed in time", false);
    }, this.#remainsMs());
  }

  #remainsMs(): number {
    return this.deadline - performance.now();
  }

  #lose(why: string, certain: boolean): void {
    if (this.#concluding) return;
    if (certain) this.stop();
    this.#onLost(
      new LeaseLostError(`The lease on the key is lost: ${why}.`, { key: this.#call.key }),
      certain,
    );
  }
}

/** One timer for all runs with a lease of that length, where they can share one. It does not keep the process alive. */
class Heart {
  readonly #leases: Lease[] = [];
  readonly #leaseMs: number;
  #timer: unknown;
  #setTimeout: unknown;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  add(lease: Lease): void {
    lease.position = this.#leases.push(lease) - 1;
    // A test's fake timers may have come or gone since: a timer of theirs may never ring.
    if (this.#setTimeout !== globalThis.setTimeout) this.#schedule();
  }

  /** Puts the last one in its place. */
  remove({ position }: Lease): void {
    const last = this.#leases.at(-1)!;
    this.#leases[position] = last;
    last.position = position;
    this.#leases.pop();
  }

  #schedule(): void {
    this.#setTimeout = globalThis.setTimeout;
    const timer = backgroundTimer(() => {
      if (this.#timer === timer) this.#beat();
    }, this.#leaseMs / BEATS_PER_LEASE);
    this.#timer = timer;
  }

  #beat(): void {
    this.#timer = undefined;
    if (this.#leases.length === 0) {
      hearts.delete(this.#leaseMs);
      return;
    }
    this.#schedule();
    for (const lease of [...this.#leases]) lease.beat();
  }
}

const hearts = new Map<number, Heart>();

function heartOf(leaseMs: number): Heart {
  // What several share would die with one of them.
  if (timersEndWithRequest) return new Heart(leaseMs);
  let heart = hearts.get(leaseMs);
  if (heart === undefined) {
    heart = new Heart(leaseMs);
    hearts.set(leaseMs, heart);
  }
  return heart;
}
