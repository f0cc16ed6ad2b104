import type { Connection, RedisCommands } from "../../stores/redis/client.ts";
import { naming } from "../../stores/redis/names.ts";
import { RECORD_VERSION } from "../../stores/shared/record.ts";
import { type Finding, ok, problem } from "./finding.ts";

const MOST_KEYS = 10_000;
// A prefix with few keys in a large database takes many pages to find.
const MOST_PAGES = 1_000;
const PAGE = 500;

/** Whether the store's keys are such as this version reads, by a sample of them. */
export async function examineKeys(commands: RedisCommands, prefix: string): Promise<Finding> {
  const kinds = { known: 0, other: 0, foreign: 0 };
  for (const master of await commands.masters()) await sample(master, prefix, kinds);
  return report(kinds);
}

type Kinds = Record<"known" | "other" | "foreign", number>;
type Master = Pick<Connection, "command">;

/** Counts the keys of a master by their kinds. */
async function sample(master: Master, prefix: string, kinds: Kinds): Promise<void> {
  let cursor = "0";
  let looked = 0;
  let pages = 0;
  do {
    const [next, names] = await page(master, cursor, prefix);
    for (const kind of await Promise.all(names.map(name => kindOf(master, name)))) {
      if (kind !== undefined) kinds[kind] += 1;
    }
    cursor = next;
    looked += names.length;
    pages += 1;
  } while (cursor !== "0" && pages < MOST_PAGES && looked < MOST_KEYS);
}

async function page({ command }: Master, cursor: string, prefix: string): Promise<[string, string[]]> {
  const pattern = `${naming(prefix)("").replace(/[\\*?[\]]/g, "\\$&")}*`;
  const answer = await command("SCAN", cursor, "MATCH", pattern, "COUNT", `${PAGE}`);
  const [next, names] = answer as [unknown, unknown[]];
  return [String(next), names.map(String)];
}

async function kindOf({ command }: Master, name: string) {
  try {
    const text = String(await command("GETRANGE", name, "0", "15"));
    // It has ended since it was found.
    if (text === "") return undefined;
    const version = /^(\d+)[htrc]/.exec(text)?.[1];
    if (version === undefined) return "foreign";
    return Number(version) === RECORD_VERSION ? "known" : "other";
  } catch (error) {
    if (String(error).includes("WRONGTYPE")) return "foreign";
    throw error;
  }
}

function report({ known, other, foreign }: Kinds): Finding {
  const all = known + other + foreign;
  if (other > 0) {
    return problem(
      "keys",
      `${other} of ${all} keys are of another version of the package: calls with them get RESULT_UNAVAILABLE`,
      "Run one version on all machines, and forget those keys, or wait until they have expired",
    );
  }
  if (foreign > 0) {
    return problem(
      "keys",
      `${foreign} of ${all} keys that begin with the store's prefix belong to something else`,
      "Give the store its own prefix",
    );
  }
  return ok("keys", `${known} looked at, all of this version`);
}
