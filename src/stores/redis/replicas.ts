import type { ClaimResult } from "../../contract/store.ts";
import type { Connection } from "./client.ts";

/** How many replicas have to confirm a claim. */
export interface Replicas {
  /** From 1. */
  count: number;
  /** How long to wait for them, in milliseconds, from 1; keep it well below `storeTimeout`. */
  timeoutMs: number;
}

/**
 * Makes a claim and has it confirmed. Rejects if too few replicas have it: a call that claims again with the same token
 * asks them again, and one that gives up releases it.
 */
export async function confirmed(
  { command }: Connection,
  claim: () => Promise<ClaimResult>,
  { count, timeoutMs }: Replicas,
): Promise<ClaimResult> {
  // WAIT speaks of what its own connection wrote. A client that reconnects in between would get the answer of a
  // connection that wrote nothing: that all replicas have that.
  const [before, result] = await Promise.all([command("CLIENT", "ID"), claim()]);
  if (result.status !== "claimed") return result;
  const [got, after] = await Promise.all([
    command("WAIT", `${count}`, `${timeoutMs}`),
    command("CLIENT", "ID"),
  ]);
  if (before !== after)
    throw new Error("The connection changed while replicas were asked to confirm the claim");
  if (Number(got) >= count) return result;
  throw new Error(`replicas: expected ${count} to confirm the claim within ${timeoutMs} ms; got ${got}`);
}
