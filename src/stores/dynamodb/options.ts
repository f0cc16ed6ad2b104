import { type Duration, readDuration } from "../../contract/duration.ts";
import { expectFunction, invalidOption, readByRules } from "../../contract/validate.ts";
import { warnProcess } from "../../util/warn-process.ts";
import type { StoreWarning } from "../shared/warning.ts";
import { type DynamodbCommands, missingCommands } from "./client.ts";

/** How a `dynamodbStore` is set up. */
export interface DynamodbStoreOptions {
  /** The table, by its name or its ARN. Its partition key is `key`, a string, and it has no sort key. */
  table: string;
  /**
   * The classes of commands, for a client that sends commands: those that the store needs, or all that
   * `@aws-sdk/client-dynamodb` exports. A `DynamoDB`, which has a method for each, needs none.
   */
  commands?: DynamodbCommands | undefined;
  /**
   * How far the clocks of the processes that share the table may be apart, from 0 to 24 hours: a lease or a window counts
   * as over that long after its end. The same for all of them.
   * @default "5s"
   */
  maxClockSkew?: Duration | undefined;
  /**
   * The time in milliseconds since 1970, for tests, or from a clock that is better than the machine's.
   * @default Date.now
   */
  clock?: (() => number) | undefined;
  /**
   * Gets what an operator should know: that `createTable` could not have DynamoDB remove what is past its time
   * (`TTL_OFF`). What it throws is ignored.
   * @default a process warning of type `IdempotencyWarning`
   */
  onWarning?: ((warning: StoreWarning) => void) | undefined;
}

/** Options as the store works with them: checked, with defaults. */
export interface DynamodbSettings {
  readonly table: string;
  readonly commands: DynamodbCommands | undefined;
  readonly skewMs: number;
  readonly clock: () => number;
  readonly onWarning: (warning: StoreWarning) => void;
}

const NAME = /^[\w.-]{3,255}$/;
const ARN = /^arn:[\w-]+:dynamodb:[^\s/]+:table\/[\w.-]{3,255}$/;

/** The name or ARN of a table. Throws `INVALID_OPTION`. */
export function readTable(value: unknown): string {
  if (typeof value === "string" && (NAME.test(value) || ARN.test(value))) return value;
  const allowed = "3 to 255 ASCII letters, digits, underscores, hyphens and dots";
  return invalidOption("table", `a table's name, of ${allowed}, or its ARN`, value);
}

const RULES = {
  table: (value: unknown): Partial<DynamodbSettings> => ({ table: readTable(value) }),
  commands(value: unknown): Partial<DynamodbSettings> {
    const missing = missingCommands(value);
    if (missing.length === 0) return { commands: value as DynamodbCommands };
    return invalidOption(
      "commands",
      `classes of @aws-sdk/client-dynamodb, ${missing.join(", ")} among them`,
      value,
    );
  },
  maxClockSkew: (value: unknown): Partial<DynamodbSettings> => ({
    skewMs: readDuration(value, { name: "maxClockSkew", minMs: 0 }),
  }),
  clock(value: unknown): Partial<DynamodbSettings> {
    expectFunction("clock", value);
    return { clock: value as () => number };
  },
  onWarning(value: unknown): Partial<DynamodbSettings> {
    expectFunction("onWarning", value);
    return { onWarning: value as (warning: StoreWarning) => void };
  },
};

/** Checks the options of a `dynamodbStore`. Throws `INVALID_OPTION`. */
export function readDynamodbOptions(options: DynamodbStoreOptions): DynamodbSettings {
  const read = readByRules<Partial<DynamodbSettings>>("dynamodbStore options", options, RULES);
  return {
    table: read.table ?? readTable(undefined),
    commands: undefined,
    skewMs: 5_000,
    clock: Date.now,
    onWarning: warnProcess,
    ...read,
  };
}
