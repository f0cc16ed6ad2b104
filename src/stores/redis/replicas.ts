import type { ClaimResult, Each } from "../../contract/store.ts";
import { asError } from "../shared/many.ts";
import type { Connection } from "./client.ts";

/** How many replicas must confirm a claim. */
export interface Replicas {
  /** The number of replicas, at least 1. */
  count: number;
  /** How long to wait for them, in milliseconds, at least 1. Keep it well below `storeTimeout`. */
  timeoutMs: number;
}

const isMade = (answer: Each<ClaimResult>) => !(answer instanceof Error) && answer.status === "claimed";

/**
 * Makes a claim and has it confirmed. Rejects if too few replicas have it: a call that claims again with the same token
 * asks them again, and one that gives up releases it.
 */
export async function confirmed(
  connection: Connection,
  claim: () => Promise<ClaimResult>,
  replicas: Replicas,
): Promise<ClaimResult> {
  const confirm = confirming(connection, replicas);
  const result = await claim();
  if (isMade(result)) await confirm();
  return result;
}

/**
 * B6: makes claims and has all of them confirmed at once, because `WAIT` speaks of all that its connection wrote before. If
 * too few replicas have them, that is the error of each that was made.
 */
export async function confirmedMany(
  connection: Connection,
  claim: () => Promise<Each<ClaimResult>[]>,
  replicas: Replicas,
): Promise<Each<ClaimResult>[]> {
  const confirm = confirming(connection, replicas);
  const answers = await claim();
  if (!answers.some(isMade)) return answers;
  try {
    await confirm();
    return answers;
  } catch (error) {
    return answers.map(answer => (isMade(answer) ? asError(error) : answer));
  }
}

/** Call it before claiming; what it returns rejects if too few replicas have what the connection wrote since. */
function confirming({ command }: Connection, { count, timeoutMs }: Replicas): () => Promise<void> {
  // WAIT speaks of what its own connection wrote. A client that reconnects in between would get the answer of a
  // connection that wrote nothing: that all replicas have that.
  const before = command("CLIENT", "ID");
  // Whoever claims hears of it only when it is needed.
  before.catch(() => {});
  return async () => {
    const [id, got, after] = await Promise.all([
      before,
      command("WAIT", `${count}`, `${timeoutMs}`),
      command("CLIENT", "ID"),
    ]);
    if (id !== after)
      throw new Error("The connection changed while replicas were asked to confirm the claim");
    if (Number(got) < count)
      throw new Error(`replicas: expected ${count} to confirm the claim within ${timeoutMs} ms; got ${got}`);
  };
}
