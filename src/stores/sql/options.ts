import { type Duration, MIN_TTL_MS, readDuration } from "../../contract/duration.ts";
import { expectFunction } from "../../contract/validate.ts";
import { warnProcess } from "../../util/warn-process.ts";
import type { StoreWarning } from "../shared/warning.ts";
import { quotedTable } from "./table.ts";

/** The options that the stores in SQL databases share. */
export interface SqlStoreOptions {
  /**
   * How often the store removes expired records, from 1 second to 24 hours. It starts with the store's first
   * claim.
   * @default "1 minute"
   */
  purgeEvery?: Duration | undefined;
  /**
   * Called with warnings for the operator, such as a failed purge. Errors that it throws are ignored.
   * @default a process warning of type `IdempotencyWarning`
   */
  onWarning?: ((warning: StoreWarning) => void) | undefined;
}

/** Options as the stores work with them: checked, with defaults, the table's name quoted. */
export interface SqlSettings {
  readonly table: string;
  readonly purgeEveryMs: number;
  readonly onWarning: (warning: StoreWarning) => void;
}

export const SQL_DEFAULTS: SqlSettings = {
  table: quotedTable("idempotency_keys"),
  purgeEveryMs: 60_000,
  onWarning: warnProcess,
};

export const SQL_RULES = {
  purgeEvery(value: unknown): Partial<SqlSettings> {
    return { purgeEveryMs: readDuration(value, { name: "purgeEvery", minMs: MIN_TTL_MS }) };
  },
  onWarning(value: unknown): Partial<SqlSettings> {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};
