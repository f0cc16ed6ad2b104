import type { ClaimRequest, ClaimResult } from "../../contract/store.ts";
import { fingerprintWord, firstRecord, isCompleted, readRecord, storableWord } from "../shared/record.ts";
import type { RedisCommands } from "./client.ts";
import { claimResult, completion, unreadable } from "./replies.ts";
import { CLAIM } from "./scripts.ts";

/** Claims the key that has that name in Redis. */
type Claim = (
  commands: Pick<RedisCommands, "add" | "run">,
  name: string,
  request: ClaimRequest,
) => Promise<ClaimResult>;

// An error that does not begin with the server's word for it may stand for a reply that was lost.
const REFUSED = /^[A-Z]{2,} /;
const UNKNOWN_TO_SERVER = "ERR syntax error";

/**
 * How a store claims. A first claim and a replay, which are nearly all, take one plain command. A script decides the
 * rest: a key that is held or released, and whatever the server refuses to write, for it may be read still.
 */
export function claiming(): Claim {
  // Redis before 7 cannot.
  let canAdd = true;

  /** What is there, null where that was nothing, and undefined where only the script can tell. */
  async function add({ add }: Pick<RedisCommands, "add">, name: string, record: string, lifeMs: number) {
    try {
      return canAdd ? await add(name, record, lifeMs) : undefined;
    } catch (error) {
      const why = String((error as Error)?.message);
      if (!REFUSED.test(why)) throw error;
      canAdd &&= !why.startsWith(UNKNOWN_TO_SERVER);
      return undefined;
    }
  }

  return async (commands, name, { token, ttlMs, leaseMs, fingerprint, rerun }) => {
    const [owner, print, lifeMs] = [storableWord(token), fingerprintWord(fingerprint), ttlMs + leaseMs];
    const first = firstRecord(owner, ttlMs, print);
    const found = await add(commands, name, first, lifeMs);
    if (found === null) return { status: "claimed", attempt: 1, runId: token, takeover: false, fingerprint };
    if (typeof found === "string" && isCompleted(found)) return completion(readRecord(found));
    const args = [owner, `${ttlMs}`, `${lifeMs}`, print, rerun ? "1" : "", first];
    return commands.run(CLAIM, name, ...args).then(claimResult, unreadable);
  };
}
