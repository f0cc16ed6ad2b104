import { parseArgs } from "node:util";

/** Where the worker keeps what it has sent. */
const STORES = ["sqlite", "redis", "postgres", "memory"] as const;
export type StoreName = (typeof STORES)[number];

/** What a campaign is to be. */
export interface Settings {
  users: number;
  /** The most users in one request to the provider. */
  batch: number;
  store: StoreName;
  /** How often the worker is killed in mid-campaign. */
  kills: number;
}

/** Arguments that cannot be used; its message says what was expected and what came. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const USAGE = `Usage: npm run campaign -- [--users 100000] [--batch 500] [--store ${STORES.join("|")}] [--kills 2]`;

export const HELP = `${USAGE}

Sends a campaign to many users in batches, with executeMany. The provider loses answers, and the worker is killed. Users
who may or may not have got their message are then looked up at the provider.

  --users    how many, from 1 to 10,000,000
  --batch    the most users in one request, from 1 to 1,000
  --store    where the worker keeps what it has sent. redis and postgres start their own server
  --kills    how often the worker is killed, from 0 to 10; --store memory allows none

Exit codes: 0 each user has one message, 1 not, 2 invalid options.`;

const OPTIONS = {
  users: { type: "string", default: "100000" },
  batch: { type: "string", default: "500" },
  store: { type: "string", default: "sqlite" },
  kills: { type: "string" },
} as const;

function count(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name}: expected a whole number from ${least} to ${most}; got ${text}\n${USAGE}`);
}

function given(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

/** Reads what stands behind `npm run campaign --`. */
export function readSettings(args: readonly string[]): Settings {
  const values = given(args);
  const store = STORES.find(name => name === values.store);
  if (store === undefined)
    throw new UsageError(`--store: expected one of ${STORES.join(", ")}; got ${values.store}\n${USAGE}`);
  const kills = count("kills", values.kills ?? (store === "memory" ? "0" : "2"), 0, 10);
  if (store === "memory" && kills > 0)
    throw new UsageError("--store memory: expected --kills 0, because that store ends with its process");
  return {
    users: count("users", values.users, 1, 10_000_000),
    batch: count("batch", values.batch, 1, 1_000),
    store,
    kills,
  };
}
