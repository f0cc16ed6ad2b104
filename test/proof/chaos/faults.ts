import { type Random, random } from "../simulation/random.ts";
import type { Settings, StoreName } from "./settings.ts";

/** One thing that goes wrong. */
export interface Fault {
  /** From the beginning, in milliseconds. */
  at: number;
  what: string;
  worker: number;
  forMs: number;
}

/** How often each fault comes about, as a weight, and for how long. */
type Kinds = Record<string, [weight: number, fromMs: number, toMs: number]>;

const PROCESS: Kinds = {
  kill: [4, 0, 0],
  pause: [4, 300, 3_500],
  "clock shift": [1, 0, 0],
};

const NETWORK: Kinds = {
  cut: [2, 0, 0],
  "reply lost": [4, 0, 0],
  "replies dropped": [2, 200, 1_500],
  "black hole": [2, 300, 2_000],
  // Longer than any call may take that does not run.
  "long black hole": [1, 6_000, 9_000],
  latency: [3, 500, 2_500],
  "connections refused": [1, 300, 1_500],
  "server killed": [0.7, 50, 1_000],
  "server paused": [1, 300, 2_500],
};

const OF_STORE: Record<StoreName, Kinds> = {
  redis: { ...NETWORK, "scripts forgotten": [0.5, 0, 0], "clients ended": [0.5, 0, 0] },
  postgres: { ...NETWORK, "clients ended": [0.7, 0, 0], "table locked": [0.7, 300, 1_500] },
  mysql: { ...NETWORK, "clients ended": [0.7, 0, 0], "table locked": [0.7, 300, 1_500] },
  sqlite: { "file locked": [3, 100, 1_500] },
  dynamodb: NETWORK,
};

const MEAN_PAUSE_MS = 600;
const FIRST_MS = 500;

/** What goes wrong, and when. The same for the same settings. */
export function planFaults({ seed, seconds, store, workers }: Settings): Fault[] {
  const dice = random(seed, 0);
  const kinds = Object.entries({ ...PROCESS, ...OF_STORE[store] });
  const faults: Fault[] = [];
  for (let at = FIRST_MS; ; at += -Math.log(1 - dice.next()) * MEAN_PAUSE_MS) {
    if (at > seconds * 1_000) return faults;
    const [what, [, from, to]] = draw(kinds, dice);
    faults.push({ at, what, worker: dice.below(workers), forMs: from + dice.below(to - from + 1) });
  }
}

function draw(kinds: [string, Kinds[string]][], dice: Random): [string, Kinds[string]] {
  let lot = dice.next() * kinds.reduce((sum, [, [weight]]) => sum + weight, 0);
  const drawn = kinds.find(([, [weight]]) => {
    lot -= weight;
    return lot < 0;
  });
  return drawn ?? kinds[0]!;
}
