import mysql from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { mysqlSchema, mysqlStore } from "../../src/mysql.ts";
import { examineMysql, settings } from "../../src/operate/doctor/mysql.ts";
import { newName } from "../stores/mysql/clients.ts";
import { command, linesOf } from "./command.ts";

const SERVER_MS = 60_000;
const GOOD = {
  read_only: "OFF",
  innodb_flush_log_at_trx_commit: "1",
  max_allowed_packet: "16777216",
  autocommit: "ON",
};
const found = (change: Record<string, string> = {}) =>
  settings(new Map(Object.entries({ ...GOOD, ...change }))).map(({ check, status }) => `${check} ${status}`);

describe("doctor on MySQL", () => {
  const database = newName("doctor");
  let admin: mysql.Connection;
  let table: string;
  beforeAll(async () => {
    admin = await mysql.createConnection(inject("mysqlUrl"));
    await admin.query(`CREATE DATABASE ${database}`);
  }, SERVER_MS);
  afterAll(async () => {
    await admin.query(`DROP DATABASE ${database}`);
    await admin.end();
  });
  beforeEach(() => {
    table = `${database}.${newName("t")}`;
  });

  const doctor = async () => {
    const ended = await command(["doctor", "--mysql", inject("mysqlUrl"), "--table", table]);
    const all = linesOf(ended);
    // A server for tests keeps nothing.
    const problems = all.filter(
      ({ status, check }) => status === "problem" && !String(check).startsWith("innodb_flush"),
    );
    return { ...ended, findings: all, problems };
  };
  const make = (change: (sql: string) => string = sql => sql) => admin.query(change(mysqlSchema(table)));

  it("finds nothing to mend of a table as the guide asks for", async () => {
    await make();
    const { problems, findings } = await doctor();
    expect(problems).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        "version",
        "role",
        "autocommit",
        "max_allowed_packet",
        "clock",
        "table",
        "rights",
        "records",
      ]),
    );
  });

  it("finds that there is no table, and does not make one", async () => {
    for (let n = 0; n < 2; n++) {
      const { code, problems } = await doctor();
      expect(code).toBe(1);
      expect(problems).toMatchObject([{ check: "table", mend: expect.stringContaining("migrate()") }]);
    }
  });

  it.each<[string, (sql: string) => string, object]>([
    [
      "a column that is missing",
      sql => sql.replace("  fingerprint varbinary(512),\n", ""),
      { check: "table" },
    ],
    [
      "a key that a collation folds",
      sql => sql.replace("`key` varbinary(1536)", "`key` varchar(300)"),
      { check: "table" },
    ],
    [
      "an engine without transactions",
      sql => sql.replace("InnoDB ROW_FORMAT = DYNAMIC", "MyISAM").replace("(1536)", "(900)"),
      { check: "engine" },
    ],
    ["no primary key", sql => sql.replace(" PRIMARY KEY", ""), { check: "key" }],
    ["no index", sql => sql.replace(",\n  KEY purge_at (purge_at)", ""), { check: "index" }],
  ])("finds %s", async (_, change, finding) => {
    await make(change);
    expect((await doctor()).problems).toMatchObject([finding]);
  });

  it("counts the records of another version", async () => {
    await make();
    const { withIdempotency } = createIdempotency({ store: mysqlStore(admin, { table }) });
    await withIdempotency("k", "1m", () => 1);
    await admin.query(`UPDATE ${table} SET version = 3`);
    expect((await doctor()).problems).toMatchObject([{ check: "records" }]);
  });

  it("finds which rights are lacking", async () => {
    await make();
    const query = async (each: { sql: string }) => {
      if (/^(UPDATE|DELETE)/.test(each.sql)) throw Object.assign(new Error("denied"), { errno: 1142 });
      return admin.query(each as never);
    };
    expect(await examineMysql({ query }, table)).toContainEqual(
      expect.objectContaining({
        check: "rights",
        mend: `GRANT UPDATE, DELETE ON ${table} TO the store's user`,
      }),
    );
  });

  it("tells what it cannot learn from what is wrong", async () => {
    const query = async () => {
      throw new Error("no");
    };
    for (const { status } of await examineMysql({ query }, table)) expect(status).toBe("unknown");
  });
});

describe("a server's variables", () => {
  it("may be as they should be", () => {
    expect(found()).toEqual([
      "role ok",
      "autocommit ok",
      "innodb_flush_log_at_trx_commit ok",
      "max_allowed_packet ok",
    ]);
  });

  it.each([
    [{ super_read_only: "ON" }, "role problem"],
    [{ autocommit: "OFF" }, "autocommit problem"],
    [{ innodb_flush_log_at_trx_commit: "2" }, "innodb_flush_log_at_trx_commit problem"],
    [{ log_bin: "ON", sync_binlog: "0" }, "sync_binlog problem"],
    [{ log_bin: "ON", sync_binlog: "1" }, "sync_binlog ok"],
    [{ max_allowed_packet: "1048576" }, "max_allowed_packet problem"],
    [{ wsrep_on: "ON" }, "cluster note"],
  ] as [Record<string, string>, string][])("%o come to %s", (change, finding) => {
    expect(found(change)).toContain(finding);
  });
});
