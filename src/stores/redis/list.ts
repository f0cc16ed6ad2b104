import { isIdempotencyError } from "../../contract/errors.ts";
import type { ListedRecord, ListQuery } from "../../contract/store.ts";
import { within } from "../../util/within.ts";
import type { Connection, RedisCommands } from "./client.ts";
import { keyOf, naming } from "./names.ts";
import { explain, listedRecord } from "./replies.ts";
import { NAME, READ_IF } from "./scripts.ts";

// Names that the server looks at in one go, during which nobody else is served: a fraction of a millisecond.
const SCANNED = 1_000;
// Records that are asked for at once, and with the results of completed ones, of which each may have megabytes.
const READ = 200;
const READ_WHOLE = 25;

const CHANGED =
  "the client changes the names of keys: make it with automaticDeserialization: false, or use a prefix that no JSON begins with";

/** What is asked of a server for a listing, each within its time. */
type Asker = <T>(answer: Promise<T>) => Promise<T>;

/** The records of the keys with that prefix, master by master. */
export async function* listRecords(
  commands: RedisCommands,
  prefix: string,
  query: ListQuery,
): AsyncGenerator<ListedRecord, void, undefined> {
  const { timeoutMs } = query;
  const ask: Asker = answer => {
    const explained = answer.catch(explain);
    if (timeoutMs === undefined) return explained;
    return within(explained, timeoutMs, () => new Error(`no answer within ${timeoutMs} ms`));
  };
  const name = naming(prefix);
  const begin = name(query.prefix);
  // As the client's own prefix makes it. It also waits until a cluster's client knows its masters.
  const whole = String(await ask(commands.run(NAME, begin))).slice(1);
  const own = whole.slice(0, whole.length - begin.length);
  for (const master of await ask(commands.masters())) {
    for await (const names of scan(master, `${escaped(whole)}*`, ask)) {
      if (!names.every(each => each.startsWith(whole))) throw new Error(CHANGED);
      const keys = names.map(each => keyOf(prefix, each.slice(own.length))).filter(key => key !== undefined);
      yield* readAll(keys, query, key => ask(commands.run(READ_IF, name(key), query.status)));
    }
  }
}

/** The names that match, in pages as the server makes them. */
async function* scan(
  { command }: Pick<Connection, "command">,
  pattern: string,
  ask: Asker,
): AsyncGenerator<string[], void, undefined> {
  let cursor = "0";
  do {
    const page = await ask(command("SCAN", cursor, "MATCH", pattern, "COUNT", `${SCANNED}`));
    const [next, names] = page as [unknown, unknown[]];
    cursor = String(next);
    yield names.map(String);
  } while (cursor !== "0");
}

async function* readAll(
  keys: readonly string[],
  { status, olderThanMs = 0 }: ListQuery,
  read: (key: string) => Promise<unknown>,
): AsyncGenerator<ListedRecord, void, undefined> {
  const size = status === "completed" ? READ_WHOLE : READ;
  for (let at = 0; at < keys.length; at += size) {
    const page = keys.slice(at, at + size);
    const replies = await Promise.all(page.map(key => readable(() => read(key))));
    for (const [n, listed] of replies.entries()) {
      if (listed?.record.status !== status || listed.ageMs < olderThanMs) continue;
      yield { key: page[n]!, ...listed.record };
    }
  }
}

/** A record that cannot be read has no status, and is in no listing. */
async function readable(read: () => Promise<unknown>) {
  try {
    return listedRecord(await read());
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE")) return undefined;
    throw error;
  }
}

const SPECIAL = /[*?[\]\\]/g;

/** A text that a pattern of Redis matches to the letter. */
function escaped(text: string): string {
  return text.replace(SPECIAL, "\\$&");
}
