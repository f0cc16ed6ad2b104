import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { examineSqlite } from "../../src/operate/doctor/sqlite.ts";
import { sqliteStore } from "../../src/sqlite.ts";
import { command, linesOf } from "./command.ts";

describe("doctor on SQLite", () => {
  let folder: string;
  let file: string;
  let database: Database.Database;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "with-idempotency-doctor-"));
    file = join(folder, "keys.db");
    database = new Database(file);
  });
  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const doctor = async (...args: string[]) => {
    const ended = await command(["doctor", "--sqlite", file, ...args]);
    const findings = linesOf(ended);
    return { ...ended, findings, problems: findings.filter(({ status }) => status === "problem") };
  };

  it("finds nothing to mend in a file as the guide asks for", async () => {
    sqliteStore(database);
    const { code, problems, findings } = await doctor();
    expect({ code, problems }).toEqual({ code: 0, problems: [] });
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      "version ok",
      "disk ok",
      "rights ok",
      "journal ok",
      "table ok",
      "records ok",
    ]);
  });

  it("finds that there is no table, and does not make one; nor does anything else", async () => {
    database.exec("CREATE TABLE other (id text)");
    const { code, problems, findings } = await doctor();
    expect(code).toBe(1);
    expect(problems).toMatchObject([{ check: "table", found: "there is no table idempotency_keys" }]);
    expect(findings).toContainEqual(expect.objectContaining({ check: "journal", status: "note" }));
    const missing = await command(["inspect", "a", "--sqlite", file]);
    expect(missing).toMatchObject({
      code: 3,
      err: expect.stringContaining("expected the table idempotency_keys"),
    });
    expect(database.prepare("SELECT name FROM sqlite_master").all()).toHaveLength(1);
  });

  it("finds a table of another form", async () => {
    database.exec(
      "CREATE TABLE idempotency_keys (key text PRIMARY KEY, version integer, attempt text, takeover boolean)",
    );
    const [finding] = (await doctor()).problems;
    expect(finding).toMatchObject({
      check: "table",
      found: expect.stringContaining("it has no column ttl_ms"),
    });
    expect(finding).toMatchObject({ found: expect.stringContaining("its column attempt is no number") });
  });

  it("looks at the table that it is told", async () => {
    sqliteStore(database, { table: "mine" });
    expect((await doctor("--table", "mine")).problems).toEqual([]);
    expect(await command(["doctor", "--sqlite", file, "--table", "a-b"])).toMatchObject({ code: 2 });
  });

  it("finds records of another version", async () => {
    const { withIdempotency } = createIdempotency({ store: sqliteStore(database) });
    for (const key of ["a", "b"]) await withIdempotency(key, "1h", () => "sent");
    database.exec("UPDATE idempotency_keys SET version = 1");
    expect((await doctor()).problems).toMatchObject([
      { check: "records", found: expect.stringContaining("2 are of another version") },
    ]);
  });

  it("finds a lock that another process holds", async () => {
    sqliteStore(database);
    database.exec("BEGIN IMMEDIATE");
    const { problems } = await doctor();
    database.exec("ROLLBACK");
    expect(problems).toMatchObject([{ check: "lock", mend: expect.stringContaining("transactions") }]);
  });

  it("finds a file that cannot be written", async () => {
    sqliteStore(database);
    const findings = await examineSqlite(database, join(folder, "not-there.db"), "idempotency_keys");
    expect(findings).toContainEqual(expect.objectContaining({ check: "rights", status: "problem" }));
    const [version] = await examineSqlite(
      {
        exec() {},
        prepare: () => ({
          all: () => [{ version: "3.34.1" }],
          get: () => undefined,
          run: () => ({ changes: 0 }),
        }),
      },
      file,
      "idempotency_keys",
    );
    expect(version).toMatchObject({ status: "problem", found: "SQLite 3.34.1" });
  });
});
