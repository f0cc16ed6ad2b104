import { describe, expect, it } from "vitest";
import { type SqlDialect, sqlTexts, statement, valuesOf } from "../../src/stores/sql.ts";
import { claimResult, storeRecord } from "../../src/stores/sql-record.ts";
import { quotedTable, tableSchema } from "../../src/stores/sql-table.ts";
import { caught } from "../helpers/caught.ts";

const NUMBERED: SqlDialect = { now: "now()", skipLocked: "", done: "", parameters: "numbered" };
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
    const { take, ...texts } = sqlTexts('"t"', NUMBERED);
    for (const each of [take("1 = 1"), ...Object.values(texts)]) {
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
    expect(index).toContain('"keys_expires_at" ON "app"."keys"');
  });
});

describe("a row", () => {
  const row = {
    status: "completed",
    version: "1",
    attempt: "2",
    run_id: "run",
    fingerprint: null,
    outcome: "a\u00100000",
    lease_in: "0",
    expires_in: "500",
  };

  it("may have its numbers as texts or bigints", () => {
    const record = { status: "completed", attempt: 2, outcome: "a\0", expiresInMs: 500 };
    expect(storeRecord(row)).toMatchObject({ ...record, runId: "run", leaseInMs: 0 });
    expect(claimResult({ ...row, attempt: 2n, expires_in: 500n })).toMatchObject(record);
  });

  it("says of an uncertain key how long its record remains, and of one in progress its lease", () => {
    const held = { ...row, outcome: null, lease_in: "100" };
    expect(claimResult({ ...held, status: "uncertain" })).toMatchObject({ retryAfterMs: 500 });
    expect(claimResult({ ...held, status: "in-progress" })).toMatchObject({ retryAfterMs: 100 });
  });

  it.each([
    { version: 2 },
    { version: null },
    { attempt: 0 },
    { attempt: "x" },
    { run_id: null },
    { fingerprint: 5 },
    { outcome: new Uint8Array() },
    { outcome: null },
    { status: "released" },
  ])("with %o cannot be read", change => {
    const { message } = caught(() => claimResult({ ...row, ...change }), "RESULT_UNAVAILABLE");
    expect(message).toContain("cannot be read");
  });

  it("of another version cannot be read either", () => {
    caught(() => storeRecord({ ...row, version: 2 }), "RESULT_UNAVAILABLE");
    caught(() => storeRecord({ ...row, status: "claimed" }), "RESULT_UNAVAILABLE");
  });
});
