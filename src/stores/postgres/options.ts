import { expectMethods, invalidOption, readByRules } from "../../contract/validate.ts";
import { SQL_DEFAULTS, SQL_RULES, type SqlSettings, type SqlStoreOptions } from "../sql/options.ts";
import { quotedTable } from "../sql/table.ts";
import type { PostgresListener } from "./client.ts";

/** The options of `postgresStore`. */
export interface PostgresStoreOptions extends SqlStoreOptions {
  /**
   * The table's name, preceded by its schema if that is not on the search path: `"app.idempotency_keys"`. Each
   * name has at most 51 ASCII letters, digits and underscores, and case matters.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
  /**
   * If true, each connection prepares the statements once, by name, which halves the server's work. Turn it off
   * behind a pooler that gives each transaction another connection and does not track prepared statements.
   * PgBouncer tracks them since 1.21 (`max_prepared_statements`).
   * @default true
   */
  prepare?: boolean | undefined;
  /**
   * A connected client of pg, used for nothing else. Through it, a waiting call learns at once that another
   * process has finished. Without it, or when its connection is lost, waiting calls ask again at least every half
   * second. All processes that share a table must set one, because a process without it notifies nobody. You end
   * the client yourself.
   * @default none
   */
  listener?: PostgresListener | undefined;
}

/** Options as the store works with them: checked, with defaults, the table's name quoted. */
export interface PostgresSettings extends SqlSettings {
  readonly prepare: boolean;
  readonly listener?: PostgresListener;
}

const RULES = {
  table(value: unknown): Partial<PostgresSettings> {
    return { table: quotedTable(value) };
  },
  prepare(value: unknown): Partial<PostgresSettings> {
    if (typeof value !== "boolean") return invalidOption("prepare", "true or false", value);
    return { prepare: value };
  },
  listener(value: unknown): Partial<PostgresSettings> {
    const expected = "a connected client of pg";
    expectMethods("listener", expected, ["query", "on"], value);
    // Its connections are given to others, and tell it of no notification.
    const { totalCount } = value as { totalCount?: unknown };
    if (typeof totalCount === "number") return invalidOption("listener", `${expected}, not a pool`, value);
    return { listener: value as PostgresListener };
  },
  ...SQL_RULES,
};

/** Checks the options of a `postgresStore`. Throws `INVALID_OPTION`. */
export function readPostgresOptions(options: PostgresStoreOptions): PostgresSettings {
  const given = readByRules<Partial<PostgresSettings>>("postgresStore options", options, RULES);
  return { ...SQL_DEFAULTS, prepare: true, ...given };
}
