import { describe, expect, it } from "vitest";
import { type SqlDialect, statement, valuesOf } from "../../../src/stores/sql/operations.ts";
import { claimResult, seenResult, storeRecord } from "../../../src/stores/sql/record.ts";
import { sqlTexts } from "../../../src/stores/sql/statements.ts";
import { quotedTable, tableSchema } from "../../../src/stores/sql/table.ts";
import { caught } from "../../support/caught.ts";

const NUMBERED: SqlDialect = {
  now: "now()",
  key: "key",
  skipLocked: "",
  done: "",
  parameters: "numbered",
  least: "least",
  numbers: numbers => numbers.join(),
};
const ANONYMOUS: SqlDialect = { ...NUMBERED, parameters: "anonymous" };

describe("a statement", () => {
  const text = "SELECT :key, :lease WHERE key = :key";

  it("has one place for each value where places are numbered", () => {
    const form = statement(text, NUMBERED);
    expect(form.text).toBe("SELECT CAST($1 AS text), CAST($2 AS bigint) WHERE key = CAST($1 AS text)");
    expect(valuesOf(form, { key: "k", lease: 5 })).toEqual(["k", 5]);
  });

  it("has a place wherever a value stands where they are not", () => {
    const form = statement(text, ANONYMOUS);
    expect(form.text).toBe("SELECT ?, ? WHERE key = ?");
    expect(valuesOf(form, { key: "k", lease: 5 })).toEqual(["k", 5, "k"]);
  });

  it("takes texts as any database keeps them, and what is not given as null", () => {
    const form = statement(":key :fingerprint :rerun", ANONYMOUS);
    expect(valuesOf(form, { key: "a\0", rerun: true })).toEqual(["a\u00100000", null, 1]);
  });

  it("leaves no name in its text", () => {
    const { insert, take, list, apart, ...texts } = sqlTexts('"t"', NUMBERED);
    const { stands, ...others } = apart;
    const all = [texts, stands, others].flatMap(each => Object.values<string>(each));
    for (const each of [insert("1 = 1"), take("1 = 1"), list(5), ...all]) {
      expect(statement(each, NUMBERED).text).not.toMatch(/:[a-z]/);
    }
  });
});

describe("a table's name", () => {
  it.each(["keys", "_keys", "Keys2", "app.keys", "k".repeat(51)])("may be %s", name => {
    expect(quotedTable(name)).toBe(`"${name.replace(".", '"."')}"`);
  });

  it.each(["", "a b", "2k", 'a"; DROP TABLE b', "a.b.c", "a.", ".a", "é", "k".repeat(52), 5, null])(
    "may not be %s",
    name => {
      expect(caught(() => quotedTable(name), "INVALID_OPTION").message).toMatch(/^table: expected .*; got /);
    },
  );

  it("gives its index one, without the schema", () => {
    const [, index] = tableSchema(quotedTable("app.keys"), { key: "text", integer: "integer" });
    expect(index).toContain('"keys_purge_at" ON "app"."keys"');
  });
});

describe("a row", () => {
  // The version, the attempt, the end of the lease, that of the record, the first claim's time, the time, and who holds it.
  const numbers = "2,2,0,1500,900,1000,1";
  const row = { numbers, run_id: "run", fingerprint: null, outcome: "a\u00100000" };
  const held = { ...row, outcome: null };

  it("has its numbers as a text or one by one", () => {
    const record = { status: "completed", attempt: 2, outcome: "a\0", expiresInMs: 500 };
    expect(storeRecord(row)).toMatchObject({ ...record, runId: "run", leaseInMs: 0, claimedAt: 900 });
    const listed = ["2", 2n, 0, 1500, 900, 1000, 1];
    expect(claimResult({ ...row, numbers: listed })).toMatchObject(record);
  });

  it("says of an uncertain key how long its record remains, and of one in progress its lease", () => {
    const at = (leaseUntil: number) => ({ ...held, numbers: `2,2,${leaseUntil},1500,900,1000,1` });
    expect(claimResult(at(1000))).toMatchObject({ status: "uncertain", retryAfterMs: 500 });
    expect(claimResult(at(1001))).toMatchObject({ status: "in-progress", retryAfterMs: 1 });
    expect(storeRecord(at(1000))).toMatchObject({ status: "uncertain", leaseInMs: 0 });
  });

  it("of a key that nobody holds is a released one", () => {
    const free = { ...held, numbers: "2,2,1100,1500,900,1000,0" };
    expect(storeRecord(free)).toMatchObject({ status: "released", attempt: 2 });
  });

  it("of the claim itself says which attempt it is, and whether of a takeover", () => {
    const claimed = { status: "claimed", attempt: 2, runId: "run", fingerprint: "f\0" };
    const own = { ...held, fingerprint: "f\u00100000" };
    expect(claimResult({ ...own, numbers: "2,2,0,0,0,0,2" })).toEqual({ ...claimed, takeover: false });
    expect(claimResult({ ...own, numbers: "2,2,0,0,0,0,3" })).toEqual({ ...claimed, takeover: true });
  });

  it.each([
    { numbers: "1,2,0,1500,900,1000,1" },
    { numbers: null },
    { numbers: "" },
    { numbers: "2,0,0,1500,900,1000,1" },
    { numbers: "2,x,0,1500,900,1000,1" },
    { run_id: null },
    { fingerprint: 5 },
    { outcome: new Uint8Array() },
    { outcome: null, numbers: "2,2,0,1500,900,1000,0" },
  ])("with %o cannot be read", change => {
    const { message } = caught(() => claimResult({ ...row, ...change }), "RESULT_UNAVAILABLE");
    expect(message).toContain("cannot be read");
  });

  it("of another version cannot be read either", () => {
    caught(() => storeRecord({ ...row, numbers: "1,2,0,1500,900,1000,1" }), "RESULT_UNAVAILABLE");
    caught(() => storeRecord({ ...held, numbers: "2,2,0,0,0,0,2" }), "RESULT_UNAVAILABLE");
  });
});

describe("a row of what is seen", () => {
  // The version, the attempt, what is left, and who holds it.
  const seen = (left: number, holder: number, change?: object) =>
    seenResult({ numbers: `2,2,${left},${holder}`, fingerprint: "f\u00100000", outcome: null, ...change });

  it("says what a claim learns of a result and of a holder", () => {
    const known = { attempt: 2, fingerprint: "f\0" };
    const outcome = "a\u00100000";
    expect(seen(500, 1, { outcome })).toEqual({
      ...known,
      status: "completed",
      outcome: "a\0",
      expiresInMs: 500,
    });
    expect(seen(1, 1)).toEqual({ ...known, status: "in-progress", retryAfterMs: 1 });
    expect(seen(1, 1, { fingerprint: null })).toMatchObject({ fingerprint: undefined });
  });

  it("leaves a key that a claim might take to another statement", () => {
    expect(seen(500, 0)).toBeUndefined();
    expect(seen(0, 1)).toBeUndefined();
  });

  it.each([
    { numbers: "1,2,500,1" },
    { numbers: "" },
    { numbers: "2,0,500,1" },
    { fingerprint: 5 },
    { outcome: new Uint8Array() },
  ])("with %o cannot be read", change => {
    caught(() => seen(500, 1, change), "RESULT_UNAVAILABLE");
  });
});
