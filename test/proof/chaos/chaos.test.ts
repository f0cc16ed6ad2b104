import { describe, expect, it } from "vitest";
import { redisUrl } from "../../support/servers/describe.ts";
import { chaos, complaints } from "./chaos.ts";
import { DEFAULTS, type Settings, STORES, type StoreName } from "./settings.ts";
import { table } from "./tally.ts";

const TIMEOUT = { timeout: 180_000 };
// The same faults each time, and never the same interleaving: this keeps the machinery alive. `npm run chaos` looks for
// more, for as long as you let it.
const short = (settings: Partial<Settings>): Settings => ({
  ...DEFAULTS,
  seconds: 8,
  seed: 1,
  workers: 2,
  rate: 12,
  ...settings,
});

describe.concurrent("processes that are killed, paused and cut off from their store break no promise:", () => {
  const isThere = (store: StoreName) => store !== "redis" || redisUrl() !== undefined;

  it.for(STORES)("%s", TIMEOUT, async (store, { skip }) => {
    skip(!isThere(store), "there is no Redis");
    const policy = store === "postgres" ? "rerun" : "reject";
    const outcome = await chaos(short({ store, policy }));
    expect(complaints(outcome)).toBe("");
    // It was no walk in the park, and something went on in it.
    expect(outcome.tally.get("✂ kill"), table(outcome.tally)).toBeGreaterThan(0);
    expect(outcome.tally.get("effects"), table(outcome.tally)).toBeGreaterThan(5);
    expect(outcome.tally.get("replays"), table(outcome.tally)).toBeGreaterThan(5);
  });

  // How a run interleaves is not its seed's alone: one of three finds it, on a busy machine too.
  it("and a protection less is found out", { ...TIMEOUT, retry: 2 }, async () => {
    const mutant = "an outcome is kept for its ttl (S7)";
    const { violations } = await chaos(short({ store: "sqlite", mutant, seconds: 4 }));
    expect(violations.map(({ promise }) => promise)).toContain("P1");
  });
});
