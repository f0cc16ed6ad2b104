import { type Duration, MIN_TTL_MS, readDuration } from "../duration.ts";
import { expectFunction, invalidOption, readByRules } from "../rules.ts";
import { quotedTable } from "./sql-table.ts";
import { type StoreWarning, warnProcess } from "./warning.ts";

/** How a `sqliteStore` is set up. */
export interface SqliteStoreOptions {
  /**
   * The table, which the store makes: 1 to 51 ASCII letters, digits and underscores, the first no digit.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
  /**
   * How often the store removes records past their time, from 1 second to 24 hours, once it has made a claim.
   * @default "1 minute"
   */
  purgeEvery?: Duration | undefined;
  /**
   * Told of what an operator should know, such as a purge that fails. What it throws is ignored.
   * @default a process warning of type `IdempotencyWarning`
   */
  onWarning?: ((warning: StoreWarning) => void) | undefined;
}

/** Options as the store works with them: checked, with defaults, the table's name quoted. */
export interface SqliteSettings {
  readonly table: string;
  readonly purgeEveryMs: number;
  readonly onWarning: (warning: StoreWarning) => void;
}

const DEFAULTS: SqliteSettings = {
  table: quotedTable("idempotency_keys"),
  purgeEveryMs: 60_000,
  onWarning: warnProcess,
};

type Rules = {
  readonly [Name in keyof SqliteStoreOptions]-?: (value: unknown) => Partial<SqliteSettings>;
};

const RULES: Rules = {
  table(value) {
    if (typeof value === "string" && value.includes(".")) {
      return invalidOption("table", "a name without a database's before it", value);
    }
    return { table: quotedTable(value) };
  },
  purgeEvery: value => ({ purgeEveryMs: readDuration(value, { name: "purgeEvery", minMs: MIN_TTL_MS }) }),
  onWarning(value) {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};

/** Checks the options of a `sqliteStore`. Throws `INVALID_OPTION`. */
export function readSqliteOptions(options: SqliteStoreOptions): SqliteSettings {
  return { ...DEFAULTS, ...readByRules<Partial<SqliteSettings>>("sqliteStore options", options, RULES) };
}
