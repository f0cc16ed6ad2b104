import type { MysqlConnection } from "../../stores/mysql/client.ts";
import { errnoOf } from "../../stores/mysql/client.ts";
import { isSupportedVersion, send, textOf, versionOf } from "../../stores/mysql/server.ts";
import { RECORD_VERSION } from "../../stores/shared/record.ts";
import { quotedTable } from "../../stores/sql/table.ts";
import { clock, examined, type Finding, note, ok, problem } from "./finding.ts";
import { examineColumns, examineVersions } from "./table.ts";

/** The rows of a statement, as texts. */
type Ask = (sql: string) => Promise<(string | null)[][]>;

const MIGRATE = "Call the store's migrate(), or run the SQL of mysqlSchema()";
const REMAKE = `Rename the table and create it again: a key lives for at most 24 hours. ${MIGRATE}`;
// A result of 1 MiB as the store writes it, where each of its characters takes most.
const LEAST_PACKET = 16 * 2 ** 20;

/** What docs/mysql.md asks of a server. */
export async function examineMysql(client: MysqlConnection, table: string): Promise<readonly Finding[]> {
  const ask: Ask = async sql => (await send(client, sql)).rows.map(row => row.map(textOf));
  const looks = [
    await examined("version", async () => version(await versionOf(client))),
    await examined("settings", async () => settings(await variables(ask))),
    await examined("clock", () => clock("clock", () => timeOf(ask))),
    await examined("table", () => examineTable(ask, table)),
  ];
  return looks.flat();
}

function version(is: string): Finding {
  if (isSupportedVersion(is)) return ok("version", is);
  return problem("version", is, "Use MySQL 8.0 or MariaDB 10.6, or a later version");
}

const NAMES = [
  "innodb_read_only",
  "read_only",
  "super_read_only",
  "innodb_flush_log_at_trx_commit",
  "log_bin",
  "sync_binlog",
  "max_allowed_packet",
  "autocommit",
  "wsrep_on",
];

/** The variables that the server has, of those that matter. */
async function variables(ask: Ask): Promise<ReadonlyMap<string, string>> {
  const names = NAMES.map(name => `'${name}'`).join(", ");
  const rows = await ask(`SHOW VARIABLES WHERE Variable_name IN (${names})`);
  return new Map(rows.map(([name, value]) => [String(name).toLowerCase(), String(value)]));
}

/** What the variables come to. */
export function settings(is: ReadonlyMap<string, string>): Finding[] {
  const isOn = (name: string) => /^(1|ON|YES)$/i.test(is.get(name) ?? "");
  const readOnly = ["read_only", "super_read_only", "innodb_read_only"].filter(isOn);
  const role =
    readOnly.length === 0
      ? ok("role", "it accepts writes")
      : problem("role", `${readOnly.join(", ")}: on`, "Use the address of the server that accepts writes");
  const committing = isOn("autocommit")
    ? ok("autocommit", "on")
    : problem("autocommit", "off: nothing that the store writes is committed", "Set autocommit = 1");
  const cluster = note(
    "cluster",
    "a Galera cluster: an answer to a read may be older than the last write on another node",
    "Give the store the address of one node, or set wsrep_sync_wait = 7 for its user",
  );
  return [
    role,
    committing,
    ...durability(is, isOn("log_bin")),
    packet(is),
    ...(isOn("wsrep_on") ? [cluster] : []),
  ];
}

function durability(is: ReadonlyMap<string, string>, hasLog: boolean): Finding[] {
  const cost = "a crash loses the last commits, and a claim that is lost may run again";
  return ["innodb_flush_log_at_trx_commit", ...(hasLog ? ["sync_binlog"] : [])].map(name => {
    const value = is.get(name) ?? "";
    return value === "1" ? ok(name, value) : problem(name, `${value}: ${cost}`, `Set ${name} = 1`);
  });
}

function packet(is: ReadonlyMap<string, string>): Finding {
  const bytes = Number(is.get("max_allowed_packet"));
  if (bytes >= LEAST_PACKET) return ok("max_allowed_packet", `${bytes}`);
  const what = `${bytes}: a statement has two characters for each byte of a result, and a large one is refused`;
  return problem("max_allowed_packet", what, "Set max_allowed_packet = 16M, or more");
}

async function timeOf(ask: Ask): Promise<number> {
  const [[micros] = []] = await ask("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3))");
  return Number(micros) / 1_000;
}

const KINDS: Readonly<Record<string, string>> = {
  bigint: "number",
  tinyint: "boolean",
  varbinary: "text",
  longblob: "text",
};

async function examineTable(ask: Ask, table: string): Promise<Finding[]> {
  const parts = table.split(".");
  const [database, name] = parts.length === 2 ? [`'${parts[0]}'`, parts[1]] : ["DATABASE()", table];
  const here = `TABLE_SCHEMA = ${database} AND TABLE_NAME = '${name}'`;
  const columns = await ask(`SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE ${here}`);
  if (columns.length === 0) {
    return [
      problem(
        "table",
        `there is no table ${table} that this user may see`,
        `${MIGRATE}; or name the right one by --table`,
      ),
    ];
  }
  const found = new Map(
    columns.map(([column, type]) => [String(column), KINDS[String(type)] ?? "known type"]),
  );
  const form = examineColumns(table, found, REMAKE);
  const made = [form, ...(await examined("table", () => kindOf(ask, table, here)))];
  const rights = await examined("rights", () => rightsOn(ask, table));
  const isSound = [...made, ...rights].every(({ status }) => status !== "problem");
  return [...made, ...rights, ...(isSound ? await examined("records", () => versions(ask, table)) : [])];
}

async function kindOf(ask: Ask, table: string, here: string): Promise<Finding[]> {
  const [[engine] = []] = await ask(`SELECT ENGINE FROM information_schema.TABLES WHERE ${here}`);
  const indexes = await ask(
    `SELECT INDEX_NAME, group_concat(COLUMN_NAME) FROM information_schema.STATISTICS WHERE ${here} GROUP BY INDEX_NAME`,
  );
  const has = (index: string, column: string) =>
    indexes.some(([name, of]) => name === index && of === column);
  return [
    ...(engine === "InnoDB"
      ? []
      : [
          problem(
            "engine",
            `${table} is of ${engine}: it has no transactions`,
            `ALTER TABLE ${table} ENGINE = InnoDB`,
          ),
        ]),
    ...(has("PRIMARY", "key")
      ? []
      : [problem("key", `${table} has no primary key on key alone: a key may be claimed twice`, REMAKE)]),
    ...(has("purge_at", "purge_at")
      ? []
      : [
          problem(
            "index",
            `${table} has no index purge_at: nothing can be purged`,
            `CREATE INDEX purge_at ON ${table} (purge_at)`,
          ),
        ]),
  ];
}

// Of a table, and of a column.
const DENIED: readonly unknown[] = [1142, 1143];

/** Tries each right on no row. */
async function rightsOn(ask: Ask, table: string): Promise<Finding> {
  const name = quotedTable(table, "`");
  const tries = {
    SELECT: `SELECT 1 FROM ${name} LIMIT 0`,
    INSERT: `INSERT INTO ${name} SELECT * FROM ${name} WHERE FALSE`,
    UPDATE: `UPDATE ${name} SET version = version WHERE FALSE`,
    DELETE: `DELETE FROM ${name} WHERE FALSE`,
  };
  const lacking: string[] = [];
  for (const [right, sql] of Object.entries(tries)) {
    await ask(sql).catch(error => {
      if (!DENIED.includes(errnoOf(error))) throw error;
      lacking.push(right);
    });
  }
  if (lacking.length === 0) return ok("rights", Object.keys(tries).join(", "));
  const list = lacking.join(", ");
  return problem(
    "rights",
    `this user lacks ${list} on ${table}`,
    `GRANT ${list} ON ${table} TO the store's user`,
  );
}

async function versions(ask: Ask, table: string): Promise<Finding> {
  const name = quotedTable(table, "`");
  const [[count] = []] = await ask(`SELECT count(*) FROM ${name} WHERE version <> ${RECORD_VERSION}`);
  return examineVersions(Number(count));
}
