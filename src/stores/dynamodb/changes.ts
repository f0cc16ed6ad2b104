import type { Seen } from "../../contract/store.ts";
import { RECORD_VERSION } from "../shared/record.ts";
import { type Attribute, number, text } from "./attribute.ts";
import { keptSeconds, type Now, purgeAt } from "./item.ts";
import { outcomeAttribute } from "./outcome.ts";
import type { Write } from "./requests.ts";

// S3: what is past its time for this clock (S9) is not changed, and neither is what this version cannot read.
const LIVE = "#version = :version AND #expires_at > :past";
const OWN = `#state = :held AND #token = :token AND ${LIVE}`;
// The client sends a request again long after the store gave it up, and what lands late must not shorten a later lease.
const LATEST = "(attribute_not_exists(#leased_at) OR #leased_at <= :sent)";
const UNCERTAIN = `#state = :held AND #lease_until <= :past AND ${LIVE}`;
const SEEN = "#run_id = :run AND #attempt = :attempt";
// A record's own ttl, from a time on.
const FOR_ITS_TTL = "#expires_at = #ttl_ms + :since, #purge_at = #kept_s + :since_s";

type Values = Record<string, Attribute>;

const known = ({ past }: Now): Values => ({
  version: number(RECORD_VERSION),
  held: text("held"),
  past: number(past),
});

const since = (time: number): Values => ({ since: number(time), since_s: purgeAt(time, 0) });

const seenBy = (seen: Seen | undefined): Values =>
  seen === undefined ? {} : { run: text(seen.runId), attempt: number(seen.attempt) };

const ifSeen = (condition: string, seen: Seen | undefined) =>
  seen === undefined ? condition : `${condition} AND ${SEEN}`;

/**
 * S5: for the token that holds the key alone, after its lease lapsed too, and not once a later lease was asked for. Ended
 * by its holder, a lease is over for all.
 */
export function renewal(key: string, token: string, leaseMs: number, now: Now): Write {
  const until = now.time + leaseMs;
  return {
    operation: "updateItem",
    key,
    update: `SET #lease_until = :lease, #leased_at = :sent, ${FOR_ITS_TTL}`,
    condition: leaseMs === 0 ? OWN : `${OWN} AND ${LATEST}`,
    values: {
      ...known(now),
      token: text(token),
      lease: number(leaseMs === 0 ? 0 : until),
      sent: number(now.time),
      ...since(until),
    },
  };
}

/** S7: kept for the ttl from now. */
function keeping(outcome: string, ttlMs: number, now: Now, skewMs: number) {
  return {
    update: "SET #state = :completed, #outcome = :outcome, #expires_at = :expires, #purge_at = :purge",
    values: {
      completed: text("completed"),
      outcome: outcomeAttribute(outcome),
      expires: number(now.time + ttlMs),
      purge: purgeAt(now.time, keptSeconds(ttlMs, skewMs)),
    },
  };
}

/** What {@link completion} and {@link settlement} are given. */
export interface Outcome {
  readonly outcome: string;
  readonly ttlMs: number;
  readonly skewMs: number;
}

export function completion(key: string, token: string, { outcome, ttlMs, skewMs }: Outcome, now: Now): Write {
  const { update, values } = keeping(outcome, ttlMs, now, skewMs);
  return {
    operation: "updateItem",
    key,
    update,
    condition: OWN,
    values: { ...known(now), token: text(token), ...values },
  };
}

const FREED = `SET #state = :released, #lease_until = :zero, ${FOR_ITS_TTL} REMOVE #token`;
const freed = (now: Now): Values => ({ released: text("released"), zero: number(0), ...since(now.time) });

/** S5, S6: the attempts and the runId stay. */
export function release(key: string, token: string, now: Now): Write {
  return {
    operation: "updateItem",
    key,
    update: FREED.replace("SET ", "SET #released_by = :token, "),
    condition: OWN,
    values: { ...known(now), token: text(token), ...freed(now) },
  };
}

/** S11: of the claim that was seen, while it is uncertain. Nobody holds the key after that. */
export function settlement(
  key: string,
  { outcome, ttlMs, skewMs }: Outcome,
  seen: Seen | undefined,
  now: Now,
): Write {
  const { update, values } = keeping(outcome, ttlMs, now, skewMs);
  return {
    operation: "updateItem",
    key,
    update: `${update} REMOVE #token`,
    condition: ifSeen(UNCERTAIN, seen),
    values: { ...known(now), ...values, ...seenBy(seen) },
  };
}

/** S11, S6: of the claim that was seen, while it is uncertain, as its holder would release it. */
export function reopening(key: string, seen: Seen | undefined, now: Now): Write {
  return {
    operation: "updateItem",
    key,
    update: FREED,
    condition: ifSeen(UNCERTAIN, seen),
    values: { ...known(now), ...freed(now), ...seenBy(seen) },
  };
}

/** Of whatever is there and not past its time, of any form; S11: or of the claim that was seen. */
export function removal(key: string, seen: Seen | undefined, now: Now): Write {
  return {
    operation: "deleteItem",
    key,
    condition: seen === undefined ? `attribute_exists(#key) AND NOT (${PAST})` : `${LIVE} AND ${SEEN}`,
    values: { ...known(now), ...seenBy(seen) },
  };
}

/** S8, S10: the records that are past their time, of any version, and nothing else. */
export const PAST = "attribute_exists(#version) AND #expires_at <= :past";

export function purging(key: string, now: Now): Write {
  return { operation: "deleteItem", key, condition: PAST, values: known(now) };
}
