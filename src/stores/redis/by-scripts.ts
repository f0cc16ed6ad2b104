import { byName, type Connection } from "./client.ts";
import { ADD_MANY, ADDED } from "./scripts.ts";

/** Sends `EVALSHA` with a script's name, or `EVAL` with its text. */
type Evaluate = (
  command: "evalsha" | "eval",
  script: string,
  keys: readonly string[],
  args: readonly string[],
) => Promise<unknown>;

/** A connection that keeps and reads records by scripts alone, for a client that changes what plain commands say. */
export function byScripts(evaluate: Evaluate, command: Connection["command"]): Connection {
  // By its text at first: GLIDE prints a warning when a server does not know a name, and Upstash takes two requests.
  const known = new Set<string>();
  const runMany: Connection["runMany"] = async ({ sha1, text }, keys, args) => {
    const byText = () => evaluate("eval", text, keys, args);
    if (known.has(sha1)) return byName(() => evaluate("evalsha", sha1, keys, args), byText);
    const reply = await byText();
    known.add(sha1);
    return reply;
  };
  return {
    async add(key, text, ms) {
      const [reply] = (await runMany(ADD_MANY, [key], [text, `${ms}`])) as unknown[];
      return reply === ADDED ? null : reply;
    },
    run: (script, key, ...args) => runMany(script, [key], args),
    runMany,
    // Either client gathers what one turn of the event loop sends by itself.
    together: send => send(),
    command,
  };
}
