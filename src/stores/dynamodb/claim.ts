import type { ClaimRequest, ClaimResult } from "../../contract/store.ts";
import { type Item, number, text } from "./attribute.ts";
import { PAST } from "./changes.ts";
import { isExpired, itemOf, type KeptRecord, leftUntil, type Now, readItem, statusOf } from "./item.ts";
import type { Requests, Write } from "./requests.ts";

/** A claim to be written, and over which record: none where the key is free. */
interface Taking {
  readonly record: KeptRecord;
  readonly over: KeptRecord | undefined;
}

// Each time another has changed the item in between.
const MOST_TRIES = 100;

/**
 * Takes the key (S1–S4, S6). A first claim is one write on the condition that nothing stands there; else what stands there
 * decides, and what is made of it is written on the condition that it has not changed since.
 */
export async function claim(
  requests: Requests,
  key: string,
  request: ClaimRequest,
  skewMs: number,
  look: () => Now,
): Promise<ClaimResult> {
  let met: Item | undefined;
  let wrote: KeptRecord | undefined;
  // Before it is sent, and once for all tries: however late it lands, nothing is over sooner by that, and what its token
  // began before does not begin again in the next window, under the same runId.
  const now = look();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const known = met && !isExpired(met, now.past) ? readItem(met) : undefined;
    // S2: the client sent the write again by itself, since its reply was lost.
    if (known !== undefined && isSameClaim(known, wrote)) return claimed(known);
    const next = known === undefined ? firstClaim(request, now) : decide(known, request, now, skewMs);
    if ("status" in next) return next;
    const written = await requests.write(taking(key, next, now, skewMs));
    if (written.done) return claimed(next.record);
    met = written.met;
    wrote = next.record;
  }
  throw new Error(`The key changed under each of ${MOST_TRIES} tries to claim it`);
}

function isSameClaim(known: KeptRecord, wrote: KeptRecord | undefined): boolean {
  const { state, token, attempt, leaseUntil } = known;
  return (
    state === "held" &&
    token === wrote?.token &&
    attempt === wrote?.attempt &&
    leaseUntil === wrote.leaseUntil
  );
}

function claimed({ attempt, runId, takeover, fingerprint }: KeptRecord): ClaimResult {
  return { status: "claimed", attempt, runId, takeover, fingerprint };
}

function firstClaim(request: ClaimRequest, now: Now, over?: KeptRecord): Taking {
  const { token, fingerprint } = request;
  return {
    record: {
      state: "held",
      token,
      runId: token,
      attempt: 1,
      fingerprint,
      outcome: undefined,
      takeover: false,
      claimedAt: now.time,
      ...timesOf(request, now),
    },
    over,
  };
}

function timesOf({ ttlMs, leaseMs }: ClaimRequest, { time }: Now) {
  return { ttlMs, leaseUntil: time + leaseMs, leasedAt: time, expiresAt: time + leaseMs + ttlMs };
}

/** What a claim comes to on a record: an answer, or a record in its place. */
function decide(known: KeptRecord, request: ClaimRequest, now: Now, skewMs: number): ClaimResult | Taking {
  const { attempt, fingerprint } = known;
  const expiresInMs = leftUntil(known.expiresAt, now);
  const differs = isDifferent(fingerprint, request.fingerprint);
  switch (statusOf(known, now)) {
    case "completed":
      return { status: "completed", attempt, outcome: known.outcome as string, fingerprint, expiresInMs };
    case "released":
      // S6: with another fingerprint it starts anew, else its attempts are counted on.
      return differs ? firstClaim(request, now, known) : again(known, request, now, false);
    case "in-progress":
      if (known.token === request.token) return repeated(known, request, now);
      return { status: "in-progress", attempt, fingerprint, retryAfterMs: leftUntil(known.leaseUntil, now) };
    case "uncertain":
      if (known.token === request.token) return repeated(known, request, now);
      // S4: taken over only with rerun, or soon enough, and a fingerprint that does not differ.
      if (!differs && isWanted(known, request, now, skewMs)) return again(known, request, now, true);
      return { status: "uncertain", attempt, fingerprint, retryAfterMs: expiresInMs };
  }
}

const isDifferent = (a: string | undefined, b: string | undefined) =>
  a !== undefined && b !== undefined && a !== b;

/** S4: with clocks that are apart, a window may be older than it looks by as much, and none begins later than now. */
function isWanted({ claimedAt }: KeptRecord, request: ClaimRequest, { time }: Now, skewMs: number): boolean {
  const { rerun, rerunWithinMs } = request;
  const age = time - claimedAt;
  return rerun === true || (rerunWithinMs !== undefined && age >= -skewMs && age + skewMs < rerunWithinMs);
}

/** S2: one's own claim, with a fresh lease, unless it lands after a later claim or renewal of the same token. */
function repeated(known: KeptRecord, request: ClaimRequest, now: Now): Taking {
  const fingerprint = known.fingerprint ?? request.fingerprint;
  const times = timesOf(request, now);
  const isLate = (known.leasedAt ?? 0) > now.time;
  if (isLate && known.token === request.token) return { record: { ...known, fingerprint }, over: known };
  // P1: the window is not over sooner by a claim that lands late.
  const expiresAt = isLate ? Math.max(known.expiresAt, times.expiresAt) : times.expiresAt;
  return { record: { ...known, fingerprint, ...times, expiresAt }, over: known };
}

/** The next attempt in the same window. */
function again(known: KeptRecord, request: ClaimRequest, now: Now, takeover: boolean): Taking {
  const { token } = request;
  const { record } = repeated(known, request, now);
  return { record: { ...record, state: "held", token, attempt: known.attempt + 1, takeover }, over: known };
}

function taking(key: string, { record, over }: Taking, now: Now, skewMs: number): Write {
  const item = itemOf(key, record, skewMs);
  if (over === undefined) {
    return {
      operation: "putItem",
      key,
      item,
      // S1, S3: absent, or past its time for this clock (S9).
      condition: `attribute_not_exists(#key) OR (${PAST})`,
      values: { past: number(now.past) },
    };
  }
  const { token, state, attempt, runId, leaseUntil, expiresAt } = over;
  return {
    operation: "putItem",
    key,
    item,
    condition: `#state = :state AND #attempt = :attempt AND #run_id = :run AND #lease_until = :lease
AND #expires_at = :expires AND ${token === undefined ? "attribute_not_exists(#token)" : "#token = :token"}`,
    values: {
      state: text(state),
      attempt: number(attempt),
      run: text(runId),
      lease: number(leaseUntil),
      expires: number(expiresAt),
      ...(token !== undefined && { token: text(token) }),
    },
  };
}
