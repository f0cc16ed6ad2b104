import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ListQuery } from "../../../src/contract/store.ts";
import { RECORD_VERSION, storableText } from "../../../src/stores/shared/record.ts";
import { type ListedRow, listRecords } from "../../../src/stores/sql/list.ts";

const bytes = (text: string) => Buffer.from(text);
const inOrder = (a: string, b: string) => Buffer.compare(bytes(a), bytes(b));

/** A table that holds those keys, and answers in pages. */
function tableOf(keys: readonly string[], size: number, change: object = {}) {
  const kept = keys.map(storableText).sort(inOrder);
  const asked: string[] = [];
  const ask = ({ start = "" }: { start?: string }): ListedRow[] => {
    asked.push(start);
    const page = kept.filter(key => inOrder(key, start) >= 0).slice(0, size);
    const numbers = [RECORD_VERSION, 1, 500, 1_500, 100, 1_000, 1];
    const row = { numbers, run_id: "run", fingerprint: null, outcome: null, ...change };
    return page.map(key => ({ last: page.at(-1), key, row }));
  };
  return { ask, asked };
}

async function listed(ask: Parameters<typeof listRecords>[1], query: Partial<ListQuery> = {}) {
  const records = [];
  for await (const record of listRecords({ prefix: "", status: "uncertain", ...query }, ask))
    records.push(record);
  return records;
}

describe("a listing", () => {
  it("has each key with the prefix once, whatever the pages", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\0", "\u0001", "\u0010", "😀", "\ud800") });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(text, { maxLength: 20 }),
        fc.constantFrom("", "a", "a\0", "ab", "😀"),
        fc.integer({ min: 1, max: 5 }),
        async (keys, prefix, size) => {
          const records = await listed(tableOf(keys, size).ask, { prefix });
          const expected = keys.filter(key => key.startsWith(prefix));
          expect(records.map(({ key }) => key).sort()).toEqual([...expected].sort());
        },
      ),
      { numRuns: 500 },
    );
  });

  it("asks for nothing past its prefix", async () => {
    const { ask, asked } = tableOf(["a1", "a2", "b1", "b2", "b3", "c1"], 2);
    await listed(ask, { prefix: "a" });
    expect(asked).toEqual(["a", "a2\u0001"]);
  });

  it("shows each record as read does", async () => {
    expect(await listed(tableOf(["k"], 2).ask)).toEqual([
      {
        key: "k",
        status: "uncertain",
        attempt: 1,
        runId: "run",
        fingerprint: undefined,
        outcome: undefined,
        leaseInMs: 0,
        expiresInMs: 500,
        claimedAt: 100,
      },
    ]);
  });

  it("leaves out what cannot be read, and goes on behind it", async () => {
    const good = tableOf(["a", "c"], 1);
    const bad = tableOf(["b"], 1, { run_id: null });
    const ask = (values: { start?: string }) =>
      values.start === "a\u0001" ? bad.ask(values) : good.ask(values);
    expect((await listed(ask)).map(({ key }) => key)).toEqual(["a", "c"]);
  });

  it("rejects with what the table answers with, and when it does not answer in time", async () => {
    const failing = () => Promise.reject(new Error("connection reset"));
    await expect(listed(failing)).rejects.toThrow("connection reset");
    const silent = () => new Promise<never>(() => {});
    await expect(listed(silent, { timeoutMs: 20 })).rejects.toThrow("no answer within 20 ms");
  });
});
