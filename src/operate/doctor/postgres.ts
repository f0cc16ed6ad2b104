import { columnsOf, type PostgresClient } from "../../stores/postgres/client.ts";
import { rowsOf } from "../../stores/postgres/server.ts";
import { RECORD_VERSION } from "../../stores/shared/record.ts";
import { quotedTable } from "../../stores/sql/table.ts";
import { clock, examined, type Finding, majorOf, note, ok, problem } from "./finding.ts";
import { examineColumns, examineVersions } from "./table.ts";

const LEAST_VERSION = 12;
const MIGRATE = "Call store.migrate(), or run the SQL of postgresSchema(table)";
const REMAKE = "Rename the table and call store.migrate(): a key lives for at most 24 hours";

type Ask = (text: string, ...values: string[]) => Promise<readonly (readonly unknown[])[]>;

/** What docs/postgres.md asks of a server and a table. */
export async function examinePostgres(client: PostgresClient, table: string): Promise<readonly Finding[]> {
  const ask: Ask = async (text, ...values) => rowsOf(await client.query({ text, values })).map(columnsOf);
  const looks = [
    await examined("version", () => version(ask)),
    await examined("role", () => role(ask)),
    await examined("settings", () => settings(ask)),
    await examined("standbys", () => standbys(ask), "Give the user pg_monitor"),
    await examined("clock", () => clock("clock", () => timeOf(ask))),
    await examined("table", () => located(ask, table)),
  ];
  return looks.flat();
}

async function setting(ask: Ask, name: string): Promise<string> {
  const [[value] = []] = await ask("SELECT current_setting($1)", name);
  return String(value);
}

async function version(ask: Ask): Promise<Finding[]> {
  const number = await setting(ask, "server_version");
  const encoding = await setting(ask, "server_encoding");
  return [
    majorOf(number) >= LEAST_VERSION
      ? ok("version", `PostgreSQL ${number}`)
      : problem("version", `PostgreSQL ${number}`, "Use PostgreSQL 12 or later"),
    encoding === "UTF8"
      ? ok("encoding", encoding)
      : problem("encoding", encoding, "Use a database whose encoding is UTF8"),
  ];
}

async function role(ask: Ask): Promise<Finding> {
  const [[isStandby] = []] = await ask("SELECT CAST(pg_is_in_recovery() AS int)");
  if (Number(isStandby) === 0) return ok("role", "a primary");
  return problem("role", "a standby, which accepts no writes", "Give the address of the primary");
}

/** What has to be on, and what it costs where it is not. */
const DURABLE: readonly [name: string, cost: string][] = [
  ["synchronous_commit", "a crash loses the last commits, and a claim that is lost may run again"],
  ["fsync", "a crash of the machine may destroy the database"],
  ["full_page_writes", "a crash of the machine may destroy pages"],
];

async function settings(ask: Ask): Promise<Finding[]> {
  const durable = DURABLE.map(async ([name, cost]) => {
    const value = await setting(ask, name);
    if (value !== "off") return ok(name, value);
    return problem(name, `off: ${cost}`, `Set ${name} = on for the server, the database and the role`);
  });
  const readOnly = await setting(ask, "default_transaction_read_only");
  if (readOnly !== "on") return Promise.all(durable);
  const mend = "Set default_transaction_read_only = off for the role or the database";
  return [
    ...(await Promise.all(durable)),
    problem("default_transaction_read_only", "on: no key can be claimed", mend),
  ];
}

async function standbys(ask: Ask): Promise<Finding[]> {
  const [[count] = []] = await ask("SELECT count(*) FROM pg_stat_replication");
  if (Number(count) === 0) return [];
  if ((await setting(ask, "synchronous_standby_names")) !== "")
    return [ok("standbys", `${count}, synchronous`)];
  const advice =
    "A failover loses what the standby does not have yet: set synchronous_standby_names if that matters";
  return [note("standbys", `${count}, none of them synchronous`, advice)];
}

async function timeOf(ask: Ask): Promise<number> {
  const [[seconds] = []] = await ask("SELECT CAST(extract(epoch FROM clock_timestamp()) AS text)");
  return Number(seconds) * 1_000;
}

const DENIED = "42501";

async function located(ask: Ask, table: string): Promise<readonly Finding[]> {
  const name = quotedTable(table);
  try {
    const [[oid] = []] = await ask("SELECT CAST(to_regclass(CAST($1 AS text)) AS oid)", name);
    return oid === null ? [await missing(ask, table)] : await examineTable(ask, name, String(oid));
  } catch (error) {
    if ((error as { code?: unknown }).code !== DENIED) throw error;
    const [schema] = name.split(".");
    const mend = `GRANT USAGE ON SCHEMA ${schema} TO the role of the store`;
    return [problem("rights", `this role lacks USAGE on the schema ${schema}`, mend)];
  }
}

async function missing(ask: Ask, table: string): Promise<Finding> {
  const schema = table.includes(".") ? table.slice(0, table.indexOf(".")) : undefined;
  const where = schema === undefined ? "current_schema()" : "$1";
  const [[mayCreate] = []] = await ask(
    `SELECT CAST(coalesce(bool_or(has_schema_privilege(oid, 'CREATE')), FALSE) AS int) FROM pg_namespace WHERE nspname = ${where}`,
    ...(schema === undefined ? [] : [schema]),
  );
  const what = `there is no table ${table} on the search path`;
  if (Number(mayCreate) === 1) return problem("table", what, `${MIGRATE}; or name the right one by --table`);
  return problem(
    "table",
    `${what}, and this role may not make one`,
    `${MIGRATE} as a role with CREATE on its schema`,
  );
}

async function examineTable(ask: Ask, name: string, oid: string): Promise<readonly Finding[]> {
  const columns = await examined("table", () => form(ask, name, oid));
  const rights = await examined("rights", () => rightsOn(ask, name));
  const isSound = [...columns, ...rights].every(({ status }) => status !== "problem");
  const rest = await examined("table", () => kindOf(ask, name, oid));
  const records = isSound ? await examined("records", () => versions(ask, name)) : [];
  return [...columns, ...rest, ...rights, ...records];
}

const KINDS: Readonly<Record<string, string>> = { S: "text", N: "number", B: "boolean" };

async function form(ask: Ask, name: string, oid: string): Promise<Finding> {
  const rows = await ask(
    "SELECT attname, typcategory FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid " +
      "WHERE attrelid = CAST($1 AS oid) AND attnum > 0 AND NOT attisdropped",
    oid,
  );
  const found = new Map(
    rows.map(([column, category]) => [String(column), KINDS[String(category)] ?? "known type"]),
  );
  return examineColumns(name, found, REMAKE);
}

async function kindOf(ask: Ask, name: string, oid: string): Promise<Finding[]> {
  const [[persistence, isHidden] = []] = await ask(
    "SELECT CAST(relpersistence AS text), CAST(row_security_active(oid) AS int) FROM pg_class WHERE oid = CAST($1 AS oid)",
    oid,
  );
  const [[keys] = []] = await ask(
    "SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] " +
      "WHERE indrelid = CAST($1 AS oid) AND indisunique AND indnatts = 1 AND indpred IS NULL AND attname = 'key'",
    oid,
  );
  return [
    ...(Number(keys) > 0
      ? []
      : [problem("key", `${name} has no primary key on key: nothing can be claimed`, REMAKE)]),
    ...(persistence !== "u"
      ? []
      : [problem("table", `${name} is unlogged: a crash empties it`, `ALTER TABLE ${name} SET LOGGED`)]),
    ...(Number(isHidden) === 0
      ? []
      : [
          problem(
            "row security",
            `policies of ${name} may hide keys from this role`,
            `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY, or give the role BYPASSRLS`,
          ),
        ]),
  ];
}

const RIGHTS = ["SELECT", "INSERT", "UPDATE", "DELETE"];

async function rightsOn(ask: Ask, name: string): Promise<Finding> {
  // A name for each, because a client's row has one column of a name.
  const asked = RIGHTS.map(
    right => `CAST(has_table_privilege(CAST($1 AS regclass), '${right}') AS int) AS may_${right}`,
  );
  const [row = []] = await ask(`SELECT ${asked.join(", ")}`, name);
  const lacking = RIGHTS.filter((_, index) => Number(row[index]) === 0);
  if (lacking.length === 0) return ok("rights", RIGHTS.join(", "));
  const list = lacking.join(", ");
  return problem(
    "rights",
    `this role lacks ${list} on ${name}`,
    `GRANT ${list} ON ${name} TO the role of the store`,
  );
}

async function versions(ask: Ask, name: string): Promise<Finding> {
  const [[count] = []] = await ask(`SELECT count(*) FROM ${name} WHERE version <> ${RECORD_VERSION}`);
  return examineVersions(Number(count));
}
