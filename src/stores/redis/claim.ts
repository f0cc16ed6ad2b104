import type { ClaimRequest, ClaimResult, Each } from "../../contract/store.ts";
import {
  fingerprintWord,
  firstRecord,
  isCompleted,
  readRecord,
  storableWord,
  timeWord,
} from "../shared/record.ts";
import { type Connection, messageOf } from "./client.ts";
import type { Ask, Question } from "./many.ts";
import { claimResult, completion, explain, isRefusal } from "./replies.ts";
import type { RedisScript } from "./script-parts.ts";
import { ADD_MANY, ADDED, CLAIM, CLAIM_MANY, HELD } from "./scripts.ts";

/** Claims the key that has that name in Redis. */
type Claim = (connection: Connection, name: string, request: ClaimRequest) => Promise<ClaimResult>;

const UNKNOWN_TO_SERVER = "ERR syntax error";

/**
 * How a store claims. A first claim and a replay, which are nearly all, take one plain command. A script decides the
 * rest: a key that is held or released, and whatever the server refuses to write, because it may still be read.
 */
export function claiming(): Claim {
  // Until a script has run every claim is one: a server that refuses scripts could complete nothing that `fn` did.
  let canRun = false;
  // Redis before 7 cannot.
  let canAdd = true;

  /** The record that is there, null if there is none, and undefined if only the script can answer. */
  async function add({ add }: Connection, name: string, record: string, lifeMs: number) {
    try {
      return canRun && canAdd ? await add(name, record, lifeMs) : undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      canAdd &&= !messageOf(error).startsWith(UNKNOWN_TO_SERVER);
      return undefined;
    }
  }

  return async (connection, name, request) => {
    const { token, ttlMs, leaseMs, fingerprint, rerunWithinMs } = request;
    const [owner, print, lifeMs] = [storableWord(token), fingerprintWord(fingerprint), ttlMs + leaseMs];
    const time = timeWord();
    // S4: an age is judged by the server's clock alone, which a plain command does not put into a record.
    const isPlain = rerunWithinMs === undefined;
    const found = isPlain && (await add(connection, name, firstRecord(owner, ttlMs, time, print), lifeMs));
    // S1: the key was absent, so this is the window's first claim.
    if (found === null) return { status: "claimed", attempt: 1, runId: token, takeover: false, fingerprint };
    if (typeof found === "string" && isCompleted(found)) return completion(readRecord(found));
    const reply = await connection.run(CLAIM, name, ...claimWords(request, time)).catch(explain);
    canRun = true;
    return claimResult(reply);
  };
}

/** What the script that claims is given. */
function claimWords(request: ClaimRequest, time: string): string[] {
  const { token, ttlMs, leaseMs, fingerprint, rerun, rerunWithinMs } = request;
  const [owner, print, lifeMs] = [storableWord(token), fingerprintWord(fingerprint), ttlMs + leaseMs];
  return [owner, `${ttlMs}`, `${lifeMs}`, print, rerun ? "1" : "", time, `${rerunWithinMs ?? ""}`];
}

/** One of many claims: of the key that has that name in Redis. */
interface NamedClaim {
  name: string;
  request: ClaimRequest;
}

/** B6: claims many keys as {@link claiming} does one: a script that is quick for all, and another for those it leaves. */
export function claimingMany(ask: Ask, claim: Claim) {
  return async (connection: Connection, claims: readonly NamedClaim[]): Promise<Each<ClaimResult>[]> => {
    const time = timeWord();
    const answers = new Map<NamedClaim, Each<ClaimResult> | undefined>();

    async function answer(
      script: RedisScript,
      asked: readonly NamedClaim[],
      question: (request: ClaimRequest) => Pick<Question<ClaimResult | undefined>, "args" | "read">,
    ) {
      if (asked.length === 0) return;
      const questions = asked.map(({ name, request }) => {
        return { name, ...question(request), alone: () => claim(connection, name, request) };
      });
      const found = await ask(connection, script, questions);
      for (const [n, each] of asked.entries()) answers.set(each, found[n]);
    }

    // S4: an age is judged by the server's clock, which the quick script does not ask.
    const isPlain = ({ request }: NamedClaim) => request.rerunWithinMs === undefined;
    await answer(ADD_MANY, claims.filter(isPlain), request => addition(request, time));
    const held = claims.filter(each => answers.get(each) === undefined);
    await answer(CLAIM_MANY, held, request => ({ args: claimWords(request, time), read: claimResult }));
    return claims.map(each => answers.get(each) as Each<ClaimResult>);
  };
}

function addition(request: ClaimRequest, time: string) {
  const { token, ttlMs, leaseMs, fingerprint } = request;
  const record = firstRecord(storableWord(token), ttlMs, time, fingerprintWord(fingerprint));
  return {
    args: [record, `${ttlMs + leaseMs}`],
    read(reply: string): ClaimResult | undefined {
      if (reply === HELD) return undefined;
      if (reply === ADDED)
        return { status: "claimed", attempt: 1, runId: token, takeover: false, fingerprint };
      return completion(readRecord(reply));
    },
  };
}
