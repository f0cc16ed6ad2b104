import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClaimResult, IdempotencyStore } from "../../../src/contract/store.ts";
import {
  type Clause,
  faultyStore,
  type StoreConformance,
  type StoreHarness,
  storeConformance,
} from "../../../src/testing.ts";
import { type Defects, shown } from "./defects.ts";
import { ageDefects } from "./defects-of-ages.ts";
import { expiryDefects, raceDefects, repeatDefects } from "./defects-of-claims.ts";
import { holderDefects } from "./defects-of-holders.ts";
import { listDefects, reopenDefects } from "./defects-of-lists.ts";
import { manyDefects } from "./defects-of-many.ts";
import * as operations from "./defects-of-operations.ts";
import { operatorDefects } from "./defects-of-operators.ts";
import * as storage from "./defects-of-storage.ts";
import { takeoverDefects } from "./defects-of-takeovers.ts";
import { completionDefects, releaseDefects } from "./defects-of-windows.ts";
import { type Defect, referenceHarness } from "./reference-harness.ts";

/** Runs the suite, or some of its cases by their names, and says which cases fail and with what message. */
async function failuresOf(harness: StoreHarness, only = /(?:)/): Promise<Map<string, string>> {
  const failures = new Map<string, string>();
  for (const { name, run } of storeConformance(harness).cases) {
    if (!only.test(name)) continue;
    await run().catch((error: Error) => failures.set(name, error.message));
  }
  return failures;
}

describe.each(["evicts", "refuses"] as const)("a correct store that %s when it is full", reaction => {
  const { cases, uncovered } = storeConformance(referenceHarness(undefined, reaction));

  it.each(cases)("$name", ({ run }) => run());

  it("is covered in full", () => {
    expect(uncovered).toEqual([]);
  });
});

it("a store that answers promises passes too", async () => {
  const harness = referenceHarness();
  const failures = await failuresOf({
    create: async () => faultyStore(await harness.create()),
    advance: harness.advance,
    hints: true,
    lists: true,
  });
  expect([...failures]).toEqual([]);
});

it.each([4_096, 100_000, 400_000, 1_048_575, 16_000_000])(
  "so does a store that takes %i bytes, and says so",
  async limit => {
    expect([...(await failuresOf(referenceHarness(storage.limitedStore(limit))))]).toEqual([]);
  },
);

describe("a harness that fails", () => {
  const { create, advance } = referenceHarness();

  it("to create a store is named by the case", async () => {
    const failing = { create: () => Promise.reject(new Error("no server")), advance };
    const [first] = storeConformance(failing).cases;
    await expect(first!.run()).rejects.toThrow(`${first!.name}: no server`);
  });

  it("to close one, too", async () => {
    const failing = { create, advance, close: () => Promise.reject(new Error("closed before")) };
    const { cases } = storeConformance(failing);
    const names = cases.map(({ name }) => name);
    const messages = [...(await failuresOf(failing)).entries()];
    expect(messages.length).toBeGreaterThan(0);
    for (const [name, message] of messages) expect(message).toBe(`${name}: closed before`);
    expect(names).toEqual(expect.arrayContaining(messages.map(([name]) => name)));
  });
});

describe("what a harness leaves out", () => {
  const whole = referenceHarness();
  const { create, advance } = whole;
  const names = ({ cases }: StoreConformance) => cases.map(({ name }) => name);

  it("is listed, and yields no case", () => {
    const all = names(storeConformance(whole));
    const least = storeConformance({ create, advance });
    expect(names(least).concat(least.uncovered).sort()).toEqual(all.sort());
    expect([...new Set(least.uncovered.map(name => name.split(":")[0]))].sort()).toEqual([
      "B6",
      "S1",
      "S10",
      "S11",
      "S4",
      "S5",
      "S8",
      "list",
      "settled",
    ]);
  });

  it("may be a part of the cleanup", () => {
    const { withinMs, purge, ...cleanup } = whole.cleanup;
    const uncovered = (part: object) =>
      storeConformance({ ...whole, cleanup: { ...cleanup, ...part } }).uncovered;
    expect(uncovered({ withinMs })).toEqual(["S10: purge removes records past their time, and only those"]);
    expect(uncovered({ purge })).toEqual([
      "S10: records past their time are removed without a call, and only those",
    ]);
  });
});

describe("a case", () => {
  const first = (harness: StoreHarness, clause: Clause) =>
    storeConformance(harness).cases.find(each => each.clause === clause)!;

  it("has a name of its own, which begins with its clause", () => {
    const { cases } = storeConformance(referenceHarness());
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    expect(cases.filter(({ name, clause }) => !name.startsWith(`${clause}: `))).toEqual([]);
  });

  it("says what was expected and what came", async () => {
    const harness = referenceHarness(base => ({ ...base, settle: () => false }));
    await expect(first(harness, "settle").run()).rejects.toThrow(
      "settle: completes an uncertain key, whose former holder holds it no longer: settle: expected true, got false",
    );
  });

  it("says so where a number is out of range", async () => {
    const harness = referenceHarness(shown(() => ({ expiresInMs: 1 })));
    await expect(first(harness, "S4").run()).rejects.toThrow(
      "expiresInMs of the record: expected a number over 50000 and up to 60000, got 1",
    );
  });

  it.each([
    [null, "null"],
    ["claimed", '"claimed"'],
  ])("says so where the answer is no object but %o", async (answer, got) => {
    const harness = referenceHarness(() => ({ claim: () => answer as unknown as ClaimResult }));
    const { run } = storeConformance(harness).cases.find(({ name }) => name.includes("attempt 1"))!;
    await expect(run()).rejects.toThrow(`the first claim: expected an answer, got ${got}`);
  });

  it.each([[new Error("down")], ["down"]])("reports a store that throws %o", async thrown => {
    const harness = referenceHarness(() => ({
      claim() {
        throw thrown;
      },
    }));
    const error: Error = await first(harness, "S2")
      .run()
      .then(
        () => expect.unreachable(),
        error => error,
      );
    expect(error.message).toMatch(/^S2: .*: down$/);
    expect(error.cause).toBe(thrown);
  });

  it("closes the stores that it made, also when it fails", async () => {
    const { create, second, ...harness } = referenceHarness(() => ({
      claim: () => Promise.reject(new Error("down")),
    }));
    const open = new Set<IdempotencyStore>();
    const opened = (store: IdempotencyStore) => {
      open.add(store);
      return store;
    };
    const cases = storeConformance({
      ...harness,
      create: async () => opened(await create()),
      second: async store => opened(await second(store)),
      close: store => {
        if (!open.delete(store)) throw new Error("not open");
      },
    }).cases.filter(({ clause }) => clause === "S1");
    for (const { run } of cases) await expect(run()).rejects.toThrow(": down");
    expect(open.size).toBe(0);
  });

  it("takes its times by the scale", async () => {
    const spans = async (timeScale: number) => {
      const harness = referenceHarness();
      const advance = vi.fn(harness.advance);
      await first({ ...harness, advance, timeScale }, "S3").run();
      return advance.mock.calls.flat();
    };
    expect(await spans(1)).toEqual([900]);
    expect(await spans(0.25)).toEqual([225]);
  });

  describe("on a machine that lags behind", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
    afterEach(() => void vi.useRealTimers());

    /** Each advance takes as much longer, by every clock, as the list says; then none does. */
    const lagging = (lags: number[], defect?: Defect) => {
      const harness = referenceHarness(defect);
      const create = vi.fn(harness.create);
      const advance = (ms: number) => {
        const took = ms + (lags.shift() ?? 0);
        vi.advanceTimersByTime(took);
        return harness.advance(took);
      };
      const { cases } = storeConformance({ ...harness, create, advance });
      const { run } = cases.find(({ name }) => name.endsWith("a repeated claim has a fresh lease"))!;
      return { run, create };
    };
    const forgetful: Defect = base => ({ read: key => ({ ...base.read(key)!, status: "uncertain" }) });

    it("tries a case again that it made fail, at half the pace", async () => {
      const { run, create } = lagging([0, 300, 0, 600]);
      await run();
      expect(create).toHaveBeenCalledTimes(3);
    });

    it("fails it in the end", async () => {
      const { run, create } = lagging([0, 300, 0, 600, 0, 1_200]);
      await expect(run()).rejects.toThrow('expected "in-progress", got "uncertain"');
      expect(create).toHaveBeenCalledTimes(3);
    });

    it("but none that fails in time", async () => {
      const { run, create } = lagging([], forgetful);
      await expect(run()).rejects.toThrow('expected "in-progress", got "uncertain"');
      expect(create).toHaveBeenCalledTimes(1);
    });
  });
});

const BROKEN: [Clause, Defects, ("evicts" | "refuses")?][] = [
  ["S1", raceDefects],
  ["S2", repeatDefects],
  ["S3", expiryDefects],
  ["S4", takeoverDefects],
  ["S4", ageDefects],
  ["S5", holderDefects],
  ["S6", releaseDefects],
  ["S7", completionDefects],
  ["S8", storage.evictingDefects],
  ["S8", storage.refusingDefects, "refuses"],
  ["S9", storage.keyDefects],
  ["S9", storage.digestDefects],
  ["S9", storage.outcomeDefects],
  ["S9", storage.limitDefects],
  ["S10", storage.cleanupDefects],
  ["S11", operatorDefects],
  ["B6", manyDefects],
  ["read", operations.readDefects],
  ["settle", operations.settleDefects],
  ["reopen", reopenDefects],
  ["forget", operations.forgetDefects],
  ["list", listDefects],
  ["settled", operations.hintDefects],
];

describe("the suite bites", () => {
  const bitten = new Set<string>();

  describe.each(BROKEN)("%s", (clause, defects, reaction) => {
    // B6: a defect of single operations is one of those on many, which the reference store does by them.
    const only = new RegExp(
      clause === "B6" ? "^B6: (?!S\\d+ by item)" : `^(?:B6: ${clause} by item|${clause}):`,
    );
    it.each(Object.entries(defects))("a store that %s", async (_, defect) => {
      const failures = await failuresOf(referenceHarness(defect, reaction), only);
      expect(failures.size).toBeGreaterThan(0);
      for (const [name, message] of failures) {
        bitten.add(name);
        expect(message.startsWith(`${name}: `)).toBe(true);
      }
    });
  });

  it("with every one of its cases", () => {
    const { cases } = storeConformance(referenceHarness());
    expect(cases.map(({ name }) => name).filter(name => !bitten.has(name))).toEqual([]);
  });
});
