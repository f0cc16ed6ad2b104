import { expectFunction, invalidOption, readByRules } from "../../contract/validate.ts";
import type { StoreWarning } from "../shared/warning.ts";
import type { Replicas } from "./replicas.ts";

/** The options of `redisStore`. */
export interface RedisStoreOptions {
  /**
   * The prefix of every key in Redis. Stores with different prefixes never share a record. Choose a text whose
   * only colon is its last character. After any other text, the store adds a bar (`shop|order:42`).
   * @default "idempotency:"
   */
  prefix?: string | undefined;
  /**
   * How many replicas must confirm a claim before it counts (Redis' `WAIT`). If too few do, the call fails with
   * `STORE_ERROR` and releases the claim. `WAIT` blocks everything else on its connection, so give the store its
   * own client, or a pool. It does not work with a cluster's client.
   * @default none: a claim counts as soon as the primary has it
   */
  replicas?: Replicas | undefined;
  /**
   * Called once, on first use, if the server may evict keys that have not expired (`EVICTING_POLICY`).
   * @default `process.emitWarning`
   */
  onWarning?: ((warning: StoreWarning) => void) | undefined;
}

const isWhole = (value: unknown) => Number.isInteger(value) && (value as number) >= 1;

const RULES = {
  prefix(value: unknown): RedisStoreOptions {
    if (typeof value === "string" && value.isWellFormed()) return { prefix: value };
    return invalidOption("prefix", "a text of well-formed Unicode", value);
  },
  replicas(value: unknown): RedisStoreOptions {
    const { count, timeoutMs } = Object(value) as Record<string, unknown>;
    if (isWhole(count) && isWhole(timeoutMs)) return { replicas: value as RedisStoreOptions["replicas"] };
    return invalidOption("replicas", "{ count, timeoutMs }, both whole numbers from 1", value);
  },
  onWarning(value: unknown): RedisStoreOptions {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};

/** Checks the options of a store. Throws `INVALID_OPTION`. */
export function readRedisOptions(options: RedisStoreOptions): RedisStoreOptions {
  return readByRules("redisStore options", options, RULES);
}
