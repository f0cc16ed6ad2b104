import { expectMethods, invalidOption, readByRules } from "../../contract/validate.ts";
import { SQL_DEFAULTS, SQL_RULES, type SqlSettings, type SqlStoreOptions } from "../sql/options.ts";
import { quotedTable } from "../sql/table.ts";
import type { PostgresListener } from "./client.ts";

/** How a `postgresStore` is set up. */
export interface PostgresStoreOptions extends SqlStoreOptions {
  /**
   * The table, with its schema before it if that is not on the search path: `"app.idempotency_keys"`. ASCII letters,
   * digits and underscores, at most 51 in each; their case counts.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
  /**
   * Whether each connection prepares the statements once, by name, which halves the server's work. Turn it off behind
   * a pooler that hands each transaction another connection and does not keep track of prepared statements, as
   * PgBouncer does since 1.21 (`max_prepared_statements`) and does not before.
   * @default true
   */
  prepare?: boolean | undefined;
  /**
   * A connected client of pg, used for nothing else, by which a waiter learns at once that another process has
   * finished. Without one, and when its connection is lost, waiters ask again every half second at the longest. All
   * processes that share a table must give one, or none learns from those that do not. It stays the caller's to end.
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
    expectMethods("listener", "a connected client of pg", ["query", "on"], value);
    return { listener: value as PostgresListener };
  },
  ...SQL_RULES,
};

/** Checks the options of a `postgresStore`. Throws `INVALID_OPTION`. */
export function readPostgresOptions(options: PostgresStoreOptions): PostgresSettings {
  const given = readByRules<Partial<PostgresSettings>>("postgresStore options", options, RULES);
  return { ...SQL_DEFAULTS, prepare: true, ...given };
}
