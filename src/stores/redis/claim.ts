import type { ClaimRequest, ClaimResult } from "../../contract/store.ts";
import {
  fingerprintWord,
  firstRecord,
  isCompleted,
  readRecord,
  storableWord,
  timeWord,
} from "../shared/record.ts";
import type { Connection } from "./client.ts";
import { claimResult, completion, explain } from "./replies.ts";
import { CLAIM } from "./scripts.ts";

/** Claims the key that has that name in Redis. */
type Claim = (connection: Connection, name: string, request: ClaimRequest) => Promise<ClaimResult>;

// An error that does not begin with the server's word for it may stand for a reply that was lost.
const REFUSED = /^[A-Z]{2,} /;
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
      const why = String((error as Error)?.message);
      if (!REFUSED.test(why)) throw error;
      canAdd &&= !why.startsWith(UNKNOWN_TO_SERVER);
      return undefined;
    }
  }

  return async (connection, name, { token, ttlMs, leaseMs, fingerprint, rerun, rerunWithinMs }) => {
    const [owner, print, lifeMs] = [storableWord(token), fingerprintWord(fingerprint), ttlMs + leaseMs];
    const time = timeWord();
    // S4: an age is judged by the server's clock alone, which a plain command does not put into a record.
    const isPlain = rerunWithinMs === undefined;
    const found = isPlain && (await add(connection, name, firstRecord(owner, ttlMs, time, print), lifeMs));
    // S1: the key was absent, so this is the window's first claim.
    if (found === null) return { status: "claimed", attempt: 1, runId: token, takeover: false, fingerprint };
    if (typeof found === "string" && isCompleted(found)) return completion(readRecord(found));
    const args = [owner, `${ttlMs}`, `${lifeMs}`, print, rerun ? "1" : "", time, `${rerunWithinMs ?? ""}`];
    const reply = await connection.run(CLAIM, name, ...args).catch(explain);
    canRun = true;
    return claimResult(reply);
  };
}
