// A process of the driver's: makes calls, and writes down what comes of them, until it is told to stop or killed.
import { randomBytes } from "node:crypto";
import { createIdempotency, type Idempotency } from "../../../src/index.ts";
import { random } from "../simulation/random.ts";
import { makeCalls } from "./calls.ts";
import { type Journal, openJournal } from "./journal.ts";
import { mutantOf } from "./mutants.ts";
import { type PeerSend, peerOf } from "./peers/peers.ts";
import { recorded } from "./recorded.ts";
import type { Settings } from "./settings.ts";
import { CLOCK_SKEW_MS, openStore, type Place } from "./stores.ts";

/** What a worker is told when it starts. */
export interface WorkerOrders {
  name: string;
  journal: string;
  base: number;
  seeds: number[];
  settings: Settings;
  place: Place;
  effects: number;
  /** By how much its time of day is wrong, where nothing but the process itself may have another one. */
  dateShiftMs: number;
}

/** How a worker makes what it does happen once. */
export type Means = { idempotency: Idempotency } | { peer: PeerSend };

// What goes on in the background once the last call is answered: renewals, and completions that failed.
const REST_MS = 3_000;
const BEAT_MS = 20;
const STALL_MS = 60;

const orders = JSON.parse(process.argv[2]!) as WorkerOrders;
const { settings, place, base } = orders;
const journal = openJournal(orders.journal, orders.name, base);
shiftDate(orders.dateShiftMs);
watchForStalls(journal);
const means = await openMeans();
const calls = makeCalls({
  orders,
  means,
  journal,
  dice: random(...orders.seeds),
  unique: randomBytes(4).toString("hex"),
});
process.once("SIGTERM", () => void stop());
console.log("ready");

async function openMeans(): Promise<Means> {
  if (settings.peer !== undefined)
    return { peer: await peerOf(settings.peer)((place as { port: number }).port) };
  const mutant = settings.mutant === undefined ? undefined : mutantOf(settings.mutant);
  const store = openStore(place);
  const isOfDynamodb = place.store === "dynamodb";
  const resends = isOfDynamodb || (place.store === "redis" && place.client === "ioredis");
  const skewMs = isOfDynamodb ? CLOCK_SKEW_MS : 0;
  const kept = recorded(mutant?.store?.(store) ?? store, journal, { resends, skewMs });
  return { idempotency: createIdempotency({ store: kept }) };
}

async function stop(): Promise<void> {
  await calls.stop();
  await new Promise(resolve => setTimeout(resolve, REST_MS));
  process.exit(0);
}

function shiftDate(byMs: number): void {
  if (byMs === 0) return;
  const { now } = Date;
  Date.now = () => now() + byMs;
}

/** A process whose event loop stands still is as good as stopped, whoever stopped it. */
function watchForStalls({ now, write }: Journal): void {
  let last = now();
  setInterval(() => {
    const at = now();
    if (at - last > STALL_MS) {
      write({ type: "pause", at: last });
      write({ type: "resume", at });
    }
    last = at;
  }, BEAT_MS);
}
