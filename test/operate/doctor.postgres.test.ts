import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { examinePostgres } from "../../src/operate/doctor/postgres.ts";
import { type PostgresQuery, postgresSchema, postgresStore } from "../../src/postgres.ts";
import { type PostgresServer, startPostgres } from "../support/servers/postgres.ts";
import { command, linesOf } from "./command.ts";

const SERVER_MS = 60_000;

describe("doctor on PostgreSQL", () => {
  let server: PostgresServer;
  let admin: pg.Pool;
  let table: string;
  beforeAll(async () => {
    server = await startPostgres({ settings: { fsync: "on" } });
    admin = new pg.Pool({ connectionString: server.url });
    await admin.query("CREATE ROLE app LOGIN PASSWORD 'hunter2'");
  }, SERVER_MS);
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });
  beforeEach(async () => {
    table = `keys_${randomUUID().replaceAll("-", "")}`;
    await admin.query("ALTER ROLE app RESET ALL");
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const asApp = () => server.url.replace("postgres@", "app:hunter2@");
  const doctor = async (url = server.url, name = table) => {
    const ended = await command(["doctor", "--postgres", url, "--table", name]);
    const findings = linesOf(ended);
    return { ...ended, findings, problems: findings.filter(({ status }) => status === "problem") };
  };
  const make = (change: (sql: string) => string = sql => sql) => admin.query(change(postgresSchema(table)));

  it("finds nothing to mend on a server as the guide asks for", async () => {
    await make();
    const { code, problems, findings } = await doctor();
    expect({ code, problems }).toEqual({ code: 0, problems: [] });
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      "version ok",
      "encoding ok",
      "role ok",
      "synchronous_commit ok",
      "fsync ok",
      "full_page_writes ok",
      "clock ok",
      "table ok",
      "rights ok",
      "records ok",
    ]);
  });

  it("finds that there is no table, and does not make one", async () => {
    const { code, problems } = await doctor();
    expect(code).toBe(1);
    expect(problems).toMatchObject([{ check: "table", mend: expect.stringContaining("store.migrate()") }]);
    expect((await doctor(asApp(), `nowhere.${table}`)).problems).toMatchObject([
      { check: "table", found: expect.stringContaining("may not make one") },
    ]);
    const { rows } = await admin.query("SELECT to_regclass($1) AS oid", [table]);
    expect(rows).toEqual([{ oid: null }]);
  });

  it.each<[string, (sql: string) => string, string, string]>([
    ["of a version before", sql => sql.replace(/ {2}takeover.*\n/, ""), "table", "it has no column takeover"],
    [
      "with a column of another type",
      sql => sql.replace(/attempt bigint/, "attempt text"),
      "table",
      "attempt is no number",
    ],
    ["without a key", sql => sql.replace(" PRIMARY KEY", ""), "key", "has no primary key"],
    [
      "that a crash empties",
      sql => sql.replace("CREATE TABLE", "CREATE UNLOGGED TABLE"),
      "table",
      "is unlogged",
    ],
  ])("finds a table %s", async (_, change, check, found) => {
    await make(change);
    const { code, problems } = await doctor();
    expect(code).toBe(1);
    expect(problems).toMatchObject([{ check, found: expect.stringContaining(found) }]);
  });

  it("finds a role without rights on the table, by name", async () => {
    await make();
    await admin.query(`GRANT SELECT, INSERT ON ${table} TO app`);
    const { problems, out } = await doctor(asApp());
    expect(problems).toMatchObject([
      {
        check: "rights",
        found: expect.stringContaining("lacks UPDATE, DELETE"),
        mend: expect.stringContaining("GRANT UPDATE, DELETE"),
      },
    ]);
    expect(out).not.toContain("hunter2");
  });

  it("finds a role that may not use the schema, beside all else", async () => {
    const schema = `s_${table}`.slice(0, 40);
    await admin.query(`CREATE SCHEMA ${schema}`);
    await admin.query(postgresSchema(`${schema}.${table}`));
    const { code, problems, findings } = await doctor(asApp(), `${schema}.${table}`);
    expect(code).toBe(1);
    expect(problems).toMatchObject([
      {
        check: "rights",
        found: expect.stringContaining("lacks USAGE"),
        mend: expect.stringContaining(schema),
      },
    ]);
    expect(findings.map(({ check }) => check)).toContain("clock");
  });

  it("finds policies that may hide rows", async () => {
    await make();
    await admin.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
    await admin.query(`GRANT ALL ON ${table} TO app`);
    expect((await doctor(asApp())).problems).toMatchObject([{ check: "row security" }]);
  });

  it.each([
    ["synchronous_commit", "off", "synchronous_commit"],
    ["default_transaction_read_only", "on", "default_transaction_read_only"],
  ])("finds a role with %s = %s", async (name, value, check) => {
    await make();
    await admin.query(`GRANT ALL ON ${table} TO app`);
    await admin.query(`ALTER ROLE app SET ${name} = ${value}`);
    expect((await doctor(asApp())).problems).toMatchObject([{ check }]);
  });

  it("finds a database of another encoding", async () => {
    const name = `latin_${randomUUID().replaceAll("-", "")}`;
    await admin.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`);
    const { problems } = await doctor(server.url.replace(/postgres$/, name));
    expect(problems).toMatchObject([{ check: "encoding", found: "LATIN1" }, { check: "table" }]);
  });

  it("finds records of another version", async () => {
    await make();
    const { withIdempotency } = createIdempotency({ store: postgresStore(admin, { table }) });
    await withIdempotency("a", "1h", () => "sent");
    await admin.query(`UPDATE ${table} SET version = 1`);
    expect((await doctor()).problems).toMatchObject([
      { check: "records", found: expect.stringContaining("1 is of") },
    ]);
  });

  it("finds a clock that is off ours", async () => {
    await make();
    const now = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => now() - 3_600_000);
    expect((await doctor()).problems).toMatchObject([
      { check: "clock", found: expect.stringContaining("ahead of") },
    ]);
  });

  // What takes servers of other kinds: the answers of this one, with one in its place.
  it.each<[string, RegExp, unknown[][], string]>([
    ["a standby", /pg_is_in_recovery/, [[1]], "role"],
    ["an old server", /current_setting/, [["11.22"]], "version"],
  ])("finds %s", async (_, question, rows, check) => {
    await make();
    const query = async (asked: PostgresQuery) =>
      question.test(asked.text) && asked.values[0] !== "server_encoding" ? { rows } : admin.query(asked);
    const findings = await examinePostgres({ query }, table);
    expect(findings).toContainEqual(expect.objectContaining({ check, status: "problem" }));
  });

  it.each([
    ["", "note"],
    ["one", "ok"],
  ])("says what a failover may cost, with synchronous_standby_names %j", async (names, status) => {
    await make();
    const query = async (asked: PostgresQuery) => {
      if (/pg_stat_replication/.test(asked.text)) return { rows: [[1]] };
      if (asked.values[0] === "synchronous_standby_names") return { rows: [[names]] };
      return admin.query(asked);
    };
    expect(await examinePostgres({ query }, table)).toContainEqual(
      expect.objectContaining({ check: "standbys", status }),
    );
  });

  it("says what it does not know", async () => {
    await make();
    const query = async (asked: PostgresQuery) => {
      if (/pg_is_in_recovery/.test(asked.text)) throw new Error("permission denied");
      return admin.query(asked);
    };
    expect(await examinePostgres({ query }, table)).toContainEqual(
      expect.objectContaining({ check: "role", status: "unknown" }),
    );
  });
});

it(
  "finds a server that a crash may destroy",
  async () => {
    const server = await startPostgres({ settings: { fsync: "off", full_page_writes: "off" } });
    try {
      const findings = linesOf(await command(["doctor", "--postgres", server.url]));
      const problems = findings.filter(({ status }) => status === "problem").map(({ check }) => check);
      expect(problems).toEqual(["fsync", "full_page_writes", "table"]);
    } finally {
      await server.stop();
    }
  },
  SERVER_MS,
);
