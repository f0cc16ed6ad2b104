import { expect, it } from "vitest";
import { chaos, complaints } from "./chaos.ts";
import { DEFAULTS } from "./settings.ts";
import { table } from "./tally.ts";

// The longer ones, on each store, are run by `npm run test:slow`.
it("processes that are killed and paused at the file they share break no promise", async () => {
  const outcome = await chaos({ ...DEFAULTS, store: "sqlite", workers: 2, rate: 12, seconds: 5 });
  expect(complaints(outcome)).toBe("");
  expect(outcome.tally.get("✂ kill"), table(outcome.tally)).toBeGreaterThan(0);
  expect(outcome.tally.get("effects"), table(outcome.tally)).toBeGreaterThan(3);
}, 120_000);
