import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { memoryStore, withIdempotency } from "../../src/index.ts";
import { node, ROOT } from "../docs/child.ts";

const require = createRequire(import.meta.url);
const TSUP = require.resolve("tsup/dist/cli-default.js");
const JEST = require.resolve("jest/bin/jest");
const TESTS = join(import.meta.dirname, "runners");
const TIMEOUT_MS = 120_000;
const DAY = 86_400_000;
const request = { token: "a", ttlMs: DAY, leaseMs: 30_000 };

// The other runners' tests import the built package.
beforeAll(async () => {
  if (existsSync(join(ROOT, "dist/index.cjs"))) return;
  const { code, stderr } = await node([TSUP, "--no-dts", "--silent"]);
  expect(code, stderr).toBe(0);
}, TIMEOUT_MS);

describe("under jest", () => {
  const jest = (fakeTimers: object) => {
    const config = { rootDir: TESTS, testMatch: ["**/jest.cjs"], transform: {}, fakeTimers };
    return node([JEST, "--config", JSON.stringify(config)], { cwd: TESTS });
  };

  it.each([{}, { enableGlobally: true }])(
    "with fakeTimers: %o no clock moves and no key goes because of us",
    async fakeTimers => {
      const { stderr, stdout } = await jest(fakeTimers);
      expect(stderr + stdout).toMatch(/Tests: +4 passed, 4 total/);
    },
    TIMEOUT_MS,
  );
});

it(
  "under node:test no clock moves and no key goes because of us",
  async () => {
    const { stdout, stderr } = await node(["--test", "--test-reporter=tap", join(TESTS, "node-test.mjs")]);
    expect(stdout + stderr).toMatch(/^# pass 4\n# fail 0$/m);
  },
  TIMEOUT_MS,
);

describe("under vitest, with sinon's timers", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ["now", {}],
    ["in the past", { now: Date.UTC(2020, 0, 1) }],
    ["in 1970", { now: 0 }],
    ["in the future", { now: Date.UTC(2100, 0, 1) }],
  ])("that begin %s, no clock moves and no key goes because of a store", async (_, config) => {
    const store = memoryStore();
    store.claim("earlier", request);
    vi.useFakeTimers(config);
    store.claim("k", request);
    store.complete("k", "a", "sent", DAY);
    const begun = Date.now();
    vi.runAllTimers();
    await vi.runAllTimersAsync();
    expect([vi.getTimerCount(), Date.now()]).toEqual([0, begun]);
    expect(store.read("k")).toMatchObject({ status: "completed" });
  });

  it("a day passes in milliseconds, with 2,000 keys of an earlier test, at a date long past", async () => {
    const store = memoryStore();
    for (let i = 0; i < 2_000; i += 1) await withIdempotency(["earlier", i], "24h", () => 1, { store });
    vi.useFakeTimers({ now: Date.UTC(2020, 0, 1) });
    const remind = () => withIdempotency("reminder", "1h", () => Date.now(), { store });
    const sent = await remind();
    expect(await remind()).toBe(sent);
    const begun = process.cpuUsage();
    vi.advanceTimersByTime(DAY);
    // On 0.1.0 two hours took seconds.
    expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(500);
    expect(await remind()).toBe(sent + DAY);
  });
});
