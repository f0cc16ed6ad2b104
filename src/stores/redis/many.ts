import type { Each } from "../../contract/store.ts";
import { asError, each } from "../shared/many.ts";
import { type Connection, messageOf } from "./client.ts";
import { explain, isRefusal, refuseQueued } from "./replies.ts";
import { FAILED, type RedisScript, SKIPPED } from "./script-parts.ts";

/** What is asked about one of many keys. */
export interface Question<T> {
  /** The key's name in Redis. */
  name: string;
  /** What the script of one key is given. */
  args: readonly string[];
  read(reply: string): T;
  /** The same for this key alone, by a script or command of its own. */
  alone(): Promise<T>;
}

/** Asks a script of many keys, and reads what it answers for each: B6. */
export type Ask = <T>(
  connection: Connection,
  script: RedisScript,
  questions: readonly Question<T>[],
) => Promise<Each<T>[]>;

// While a script runs nobody else is served: for these well below a millisecond.
const KEYS = 100;
const BYTES = 2 ** 20;

// What a cluster answers by way of a proxy, or to a client that knows only one of its nodes.
const SPLIT = /^(CROSSSLOT|MOVED|ASK|CLUSTERDOWN)/;

/**
 * How a store asks about many keys: by scripts of many keys, as few as there may be, in one write. In a cluster, whose
 * keys are on several nodes, each key has a script or a command of its own, and each node gets its own in one write.
 */
export function asking(isCluster: boolean): Ask {
  let isSplit = isCluster;

  /** A script that the server refuses as a whole has touched no key: what it says may be true of some of them only. */
  async function askScript<T>(connection: Connection, script: RedisScript, part: readonly Question<T>[]) {
    try {
      return await scripted(connection, script, part);
    } catch (error) {
      if (!isRefusal(error)) return part.map(() => asError(error));
      isSplit ||= SPLIT.test(messageOf(error));
      return askAlone(connection, part);
    }
  }

  return async (connection, script, questions) => {
    if (isSplit) return askAlone(connection, questions);
    const answers = connection.together(() =>
      partsOf(questions).map(part => askScript(connection, script, part)),
    );
    return (await Promise.all(answers)).flat();
  };
}

function askAlone<T>(connection: Connection, questions: readonly Question<T>[]): Promise<Each<T>[]> {
  const alone = ({ alone }: Question<T>) => alone().catch(asError);
  return Promise.all(connection.together(() => questions.map(alone)));
}

async function scripted<T>(
  connection: Connection,
  script: RedisScript,
  part: readonly Question<T>[],
): Promise<Each<T>[]> {
  const answers: Each<T>[] = [];
  while (answers.length < part.length) {
    const rest = answers.length === 0 ? part : part.slice(answers.length);
    const names = rest.map(({ name }) => name);
    const args = rest.flatMap(({ args }) => args);
    const replies = readReplies(await connection.runMany(script, names, args), rest.length);
    answers.push(...each(replies, (reply, n) => readOne(reply, rest[n]!)));
  }
  return answers;
}

/** What was answered for the first keys. The rest has to be asked once more. */
function readReplies(reply: unknown, count: number): string[] {
  refuseQueued(reply);
  // A client may make texts of numbers.
  const replies = (reply as unknown[]).map(String);
  if (replies.length !== count)
    throw new Error(`a script answered for ${replies.length} keys; expected ${count}`);
  const skipped = replies.indexOf(SKIPPED);
  return skipped < 0 ? replies : replies.slice(0, skipped);
}

function readOne<T>(reply: string, { read }: Question<T>): T {
  if (reply.startsWith(FAILED)) explain(new Error(reply.slice(FAILED.length)));
  return read(reply);
}

/** In scripts' worth: so many keys, and so many bytes of what is to be kept. */
function partsOf<T>(questions: readonly Question<T>[]): Question<T>[][] {
  const parts: Question<T>[][] = [];
  let [part, bytes]: [Question<T>[], number] = [[], 0];
  for (const question of questions) {
    const size = question.args.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (part.length === 0 || part.length === KEYS || bytes + size > BYTES) {
      [part, bytes] = [[], 0];
      parts.push(part);
    }
    part.push(question);
    bytes += size;
  }
  return parts;
}
