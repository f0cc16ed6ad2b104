import { readByRules } from "../../contract/validate.ts";
import { SQL_DEFAULTS, SQL_RULES, type SqlSettings, type SqlStoreOptions } from "../sql/options.ts";
import { quotedTable } from "../sql/table.ts";

/** The options of `mysqlStore`. */
export interface MysqlStoreOptions extends SqlStoreOptions {
  /**
   * The table's name, preceded by its database if that is not the connection's: `"app.idempotency_keys"`. Each
   * name has at most 51 ASCII letters, digits and underscores.
   * @default "idempotency_keys"
   */
  table?: string | undefined;
}

const RULES = {
  table(value: unknown): Partial<SqlSettings> {
    return { table: quotedTable(value, "`") };
  },
  ...SQL_RULES,
};

const DEFAULTS: SqlSettings = { ...SQL_DEFAULTS, table: quotedTable("idempotency_keys", "`") };

/** Checks the options of a `mysqlStore`. Throws `INVALID_OPTION`. */
export function readMysqlOptions(options: MysqlStoreOptions): SqlSettings {
  return { ...DEFAULTS, ...readByRules<Partial<SqlSettings>>("mysqlStore options", options, RULES) };
}
