import { type Duration, MIN_TTL_MS, readDuration } from "../duration.ts";
import { expectFunction, expectMethods, invalidOption, readByRules } from "../rules.ts";
import type { PostgresListener } from "./postgres-client.ts";
import { quotedTable } from "./sql-table.ts";
import { type StoreWarning, warnProcess } from "./warning.ts";

/** How a `postgresStore` is set up. */
export interface PostgresStoreOptions {
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
export interface PostgresSettings {
  readonly table: string;
  readonly prepare: boolean;
  readonly listener?: PostgresListener;
  readonly purgeEveryMs: number;
  readonly onWarning: (warning: StoreWarning) => void;
}

const DEFAULTS: PostgresSettings = {
  table: quotedTable("idempotency_keys"),
  prepare: true,
  purgeEveryMs: 60_000,
  onWarning: warnProcess,
};

type Rules = {
  readonly [Name in keyof PostgresStoreOptions]-?: (value: unknown) => Partial<PostgresSettings>;
};

const RULES: Rules = {
  table: value => ({ table: quotedTable(value) }),
  prepare(value) {
    if (typeof value !== "boolean") return invalidOption("prepare", "true or false", value);
    return { prepare: value };
  },
  listener(value) {
    expectMethods("listener", "a connected client of pg", ["query", "on"], value);
    return { listener: value as PostgresListener };
  },
  purgeEvery: value => ({ purgeEveryMs: readDuration(value, { name: "purgeEvery", minMs: MIN_TTL_MS }) }),
  onWarning(value) {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};

/** Checks the options of a `postgresStore`. Throws `INVALID_OPTION`. */
export function readPostgresOptions(options: PostgresStoreOptions): PostgresSettings {
  return { ...DEFAULTS, ...readByRules<Partial<PostgresSettings>>("postgresStore options", options, RULES) };
}
