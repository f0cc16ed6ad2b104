import type { Duration } from "../../contract/duration.ts";
import { invalidOption, readByRules } from "../../contract/validate.ts";
import { SQL_DEFAULTS, SQL_RULES, type SqlSettings, type SqlStoreOptions } from "../sql/options.ts";
import { quotedTable } from "../sql/table.ts";

/** The options of `sqliteStore`. */
export interface SqliteStoreOptions extends SqlStoreOptions {
  /**
   * The table's name: 1 to 51 ASCII letters, digits and underscores, not starting with a digit. The store creates
   * the table.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
}

const RULES = {
  table(value: unknown): Partial<SqlSettings> {
    if (typeof value === "string" && value.includes(".")) {
      return invalidOption("table", "a name without a database's before it", value);
    }
    return { table: quotedTable(value) };
  },
  ...SQL_RULES,
};

/** Checks the options of a `sqliteStore`. Throws `INVALID_OPTION`. */
export function readSqliteOptions(options: SqliteStoreOptions): SqlSettings {
  return { ...SQL_DEFAULTS, ...readByRules<Partial<SqlSettings>>("sqliteStore options", options, RULES) };
}

/** How a `d1Store` or a `durableObjectStore` is set up. */
export interface CloudflareStoreOptions extends Pick<SqliteStoreOptions, "table"> {
  /**
   * How often a claim also removes records past their time, from 1 second to 24 hours: no timer lasts longer than the
   * request that set it. While more are left, the next claim goes on.
   * @default "1 minute"
   */
  purgeEvery?: Duration | undefined;
}

/** Checks the options of a store on Cloudflare. Throws `INVALID_OPTION`. */
export function readCloudflareOptions(
  owner: string,
  options: CloudflareStoreOptions,
): Omit<SqlSettings, "onWarning"> {
  const { onWarning: _, ...rules } = RULES;
  return { ...SQL_DEFAULTS, ...readByRules<Partial<SqlSettings>>(owner, options, rules) };
}
