import { utf8Length } from "../../util/bytes.ts";
import { byScripts } from "./by-scripts.ts";
import { type Anything, messageOf, type RedisCommands, type UpstashLike } from "./client.ts";
import { limitOf } from "./limit.ts";

// Its automatic pipelines make one request of all that a turn sends, and Upstash refuses a request that is too large.
const BYTES = 2 ** 20;

/**
 * Upstash's client, which speaks HTTP. By scripts alone, whose answers are never JSON: by itself it reads a text that is
 * as something else. And none of those answers is nothing, which is what it gives when its `signal` has been aborted.
 */
export function upstash(client: UpstashLike): RedisCommands {
  const limit = limitOf(client, BYTES);
  const given = client as Anything;
  const ask = (weight: number, act: () => Promise<unknown>) =>
    limit(weight, async () => act()).then(reply => answer(given, reply), withoutCommand);
  const connection = byScripts(
    (command, script, keys, args) =>
      ask(bytes([script, ...keys, ...args]), () => given[command](script, keys, args)),
    (name, ...args) => ask(0, () => (name === "SCAN" ? scan(given, args) : given.exec([name, ...args]))),
  );
  return {
    ...connection,
    isCluster: false,
    canWait: false,
    subscriber: undefined,
    onOne: act => act(connection),
    masters: async () => [connection],
  };
}

/** What they take in the JSON of a request. */
const bytes = (texts: readonly string[]) => utf8Length(JSON.stringify(texts));

const scan = (client: Anything, [cursor, , match, , count]: string[]): Promise<unknown> =>
  client.scan(cursor, { match, count: Number(count) });

/** What was answered, if anybody answered: an aborted request has the reason of its signal for a result. */
function answer({ client }: Anything, reply: unknown): unknown {
  const isText = typeof reply === "string" || typeof reply === "number" || Array.isArray(reply);
  if (isText && client?.options?.signal?.aborted !== true) return reply;
  throw new Error("Upstash's client got no answer: the signal that it was made with has been aborted");
}

const PIPELINED = /^Command (\d+ \[ \w+ \] )?failed: /;
const COMMAND = ", command was: [";

/** Throws what the server said alone: the client adds the whole command to it, results included. */
function withoutCommand(error: unknown): never {
  const said = messageOf(error);
  const [why = ""] = said.replace(PIPELINED, "").split(COMMAND, 1);
  throw why === said ? error : Object.assign(new Error(why), { name: (error as Error).name });
}
