import { accessSync, constants, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { RECORD_VERSION } from "../../stores/shared/record.ts";
import { quotedTable } from "../../stores/sql/table.ts";
import type { SqliteDatabase } from "../../stores/sqlite/database.ts";
import { messageOf } from "../command/failure.ts";
import { examined, type Finding, note, ok, problem } from "./finding.ts";
import { examineColumns, examineVersions } from "./table.ts";

const LEAST = [3, 35] as const;
// Linux' numbers of NFS, SMB (three of its drivers) and AFS.
const NETWORKS: readonly number[] = [0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f];

/** The columns of a row that are asked for here. */
interface Row {
  readonly version?: unknown;
  readonly journal_mode?: unknown;
  readonly name?: unknown;
  readonly type?: unknown;
  readonly count?: unknown;
}

type Ask = (text: string) => readonly Row[];

/** What docs/sqlite.md asks of a file. */
export async function examineSqlite(
  database: SqliteDatabase,
  file: string,
  table: string,
): Promise<readonly Finding[]> {
  const ask: Ask = text => database.prepare(text).all() as Row[];
  const looks = [
    await examined("version", async () => version(ask)),
    await examined("disk", async () => disk(networkOf(file))),
    await examined("rights", async () => rights(database, file)),
    await examined("journal", async () => journal(ask)),
    await examined("table", async () => examineTable(ask, table)),
  ];
  return looks.flat();
}

function version(ask: Ask): Finding {
  const number = String(ask("SELECT sqlite_version() AS version")[0]?.version);
  const [major = 0, minor = 0] = number.split(".").map(Number);
  const isEnough = major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
  if (isEnough) return ok("version", `SQLite ${number}`);
  return problem("version", `SQLite ${number}`, "Use a client with SQLite 3.35 or later");
}

function networkOf(file: string): boolean {
  return NETWORKS.includes(Number(statfsSync(dirname(file)).type) >>> 0);
}

/** Whether processes can share the memory that WAL needs. */
export function disk(isNetwork: boolean): Finding {
  if (!isNetwork) return ok("disk", "a local file system");
  return problem(
    "disk",
    "the file is on a network file system, where WAL does not work",
    "Put it on a local disk; several machines need PostgreSQL or Redis",
  );
}

function rights(database: SqliteDatabase, file: string): Finding {
  const folder = dirname(file);
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    accessSync(folder, constants.W_OK);
    // A file system that is mounted for reading, or a file that is locked, says so only here. Writes nothing.
    database.exec("BEGIN IMMEDIATE");
    database.exec("ROLLBACK");
    return ok("rights", "the file can be written");
  } catch (error) {
    if (/locked|busy/i.test(messageOf(error))) {
      return problem(
        "lock",
        "another process holds the lock for writing",
        "Keep transactions on that file short, or keep the keys in a separate file",
      );
    }
    return problem(
      "rights",
      `the file cannot be written: ${messageOf(error)}`,
      `Give the store's user the right to write ${file} and its folder, where SQLite puts files next to it`,
    );
  }
}

function journal(ask: Ask): Finding {
  const mode = String(ask("PRAGMA journal_mode")[0]?.journal_mode);
  if (mode === "wal") return ok("journal", "WAL");
  return note(
    "journal",
    `${mode}: readers and the writer hold each other up`,
    "The store switches to WAL when it is created",
  );
}

const KINDS: readonly [RegExp, string][] = [
  [/INT/i, "number"],
  [/CHAR|TEXT|CLOB/i, "text"],
  [/BOOL/i, "boolean"],
];

function examineTable(ask: Ask, table: string): Finding[] {
  const quoted = quotedTable(table);
  const columns = ask(`PRAGMA table_info(${quoted})`);
  if (columns.length === 0) {
    return [
      problem(
        "table",
        `there is no table ${table}`,
        "The store creates it when the application starts. Or pass the right name with --table",
      ),
    ];
  }
  const kind = (type: string) => KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "known type";
  const found = new Map(columns.map(({ name, type }) => [String(name), kind(String(type))]));
  const form = examineColumns(
    table,
    found,
    "Rename the table and start the application: a key lives for at most 24 hours",
  );
  if (form.status === "problem") return [form];
  const [{ count } = { count: 0 }] = ask(
    `SELECT count(*) AS count FROM ${quoted} WHERE version <> ${RECORD_VERSION}`,
  );
  return [form, examineVersions(Number(count))];
}
