import { RECORD_VERSION } from "../shared/record.ts";
import type { SqlDialect } from "./operations.ts";
import { HOLDER } from "./record.ts";

/** Every statement with `:name`s for its values. Those that end or prolong a claim answer with `done` if they did. */
export interface SqlTexts {
  /**
   * What a claim needs of the record of a key that is not past its time; the claim's own one as if nobody held it.
   * Writes nothing. It reads few columns and does little work, because a replay waits for nothing else.
   */
  readonly seen: string;
  /** The record that keeps a claim from the key, or no row if the claim may take it. Writes nothing. */
  readonly blocked: string;
  /** Takes a key that has no record if the condition holds, and answers with `done` if it did. */
  readonly insert: (condition: string) => string;
  /** Takes the key where the condition holds, or answers with no row where a record has come in between. */
  readonly take: (condition: string) => string;
  /** Takes keys of `asked` that have a record, and answers for each, key first, that it took. */
  readonly takeAsked: string;
  readonly renew: string;
  readonly complete: string;
  /** The same for a record that is to be removed no sooner than its claim said: leaves the index alone. */
  readonly completeInTime: string;
  readonly release: string;
  readonly read: string;
  readonly settle: string;
  readonly reopen: string;
  readonly forget: string;
  /** The same for the claim that was seen, and no other. */
  readonly forgetSeen: string;
  /**
   * Looks at so many keys, from one on, and answers with the records that are asked for, each with where it ends, and
   * with a row of the last key in any case. No row is left if there is no key more.
   */
  readonly list: (size: number) => string;
  /** Removes some of the records past their time, the oldest first, and answers with `done` for each. */
  readonly purge: string;
  /** For a database whose writing statements answer with no rows. */
  readonly apart: TextsApart;
}

/** What takes a statement that writes and one that reads, where a database does not do both at once. */
interface TextsApart {
  /** The columns and values of a new record, as they stand after `INSERT INTO` and the table. */
  readonly fresh: string;
  /** Whether the record is the claim's own and not completed: a condition. */
  readonly isOwn: string;
  /** The record that keeps a claim from the key, or the claim's own as the claim that it is; no row if it may take it. */
  readonly met: string;
  /** Takes a key that has a record, if the claim may. */
  readonly retake: string;
  /**
   * A row if an operation, sent again, finds the key as it has left it: the database may not count what does not change.
   */
  readonly stands: Readonly<Record<"renew" | "complete" | "settle" | "reopen", string>>;
  /** The keys of some records past their time, the oldest first. */
  readonly past: string;
  /** Removes one of them. */
  readonly forgetPast: string;
}

const COLUMNS =
  "version, attempt, ttl_ms, claimed_at, lease_until, expires_at, purge_at, token, run_id, fingerprint, outcome";

// What a page of a listing has of each key.
const LISTED = "key, version, attempt, claimed_at, lease_until, expires_at, token, run_id, fingerprint".split(
  ", ",
);

// What a statement asks of a row. None is ever null, so that each can be negated.
const differs = "(r.fingerprint IS NOT NULL AND :fingerprint IS NOT NULL AND r.fingerprint <> :fingerprint)";
const known = `r.version = ${RECORD_VERSION}`;
const open = "r.outcome IS NULL";
const held = `${open} AND r.token IS NOT NULL`;
const owned = `${held} AND r.token = :token`;
const byKey = "r.key = :key";
// S11: the claim that an operator saw, where the statement is given one; and a key that was settled or reopened so already.
const wasSeen = "(:run IS NULL OR (r.run_id = :run AND r.attempt = :attempt))";
const settled = "(r.token IS NULL AND r.outcome = :outcome)";
const reopened = `(:run IS NOT NULL AND ${open} AND r.token IS NULL)`;

// Who holds a key, as the last of a row's numbers says it; `seen` takes the claim's own record for nobody's.
const holder = `CASE WHEN r.token IS NULL THEN ${HOLDER.nobody} ELSE ${HOLDER.somebody} END`;
const claimant = `CASE WHEN takeover THEN ${HOLDER.successor} ELSE ${HOLDER.caller} END`;
const otherHolder = `CASE WHEN r.token <> :token THEN ${HOLDER.somebody} ELSE ${HOLDER.nobody} END`;

/**
 * The state machine of a key, as statements on the table, whose name is quoted. What `NOT` negates stands in brackets,
 * and no assignment reads what one before it has written: MySQL may bind `NOT` more closely, and assigns in turn.
 */
export function sqlTexts(table: string, dialect: SqlDialect): SqlTexts {
  const { now, done, least, from = "", key, first = "1", remove = "DELETE FROM", byPurge = "" } = dialect;
  const row = rowOf(dialect);
  const records = dialect.records?.(table) ?? `${table} AS r`;
  // S3: past its time, whether or not it has been purged.
  const expired = `(r.expires_at <= ${now})`;
  const live = `${known} AND NOT ${expired}`;
  const lapsed = `(r.lease_until <= ${now})`;
  // Of a completed record, or of a lease.
  const left = `CASE WHEN ${open} THEN r.lease_until ELSE r.expires_at END - ${now}`;
  // S4: a window that begins later than now, by a clock that was set back, is of no age.
  const wanted = `(:rerun = 1 OR ${now} - r.claimed_at BETWEEN 0 AND :within - 1)`;
  // S1, S2, S4: a released key, one's own, or one to take over: each evaluated only where none of those before it holds.
  const free = `(r.token IS NULL OR r.token = :token OR (${lapsed} AND ${wanted} AND NOT ${differs}))`;
  const claimable = `(${expired} OR (${known} AND ${open} AND ${free}))`;
  const isOwn = `(${owned} AND ${live})`;
  // S6, of a claimable row: a new window, also where a released key is used for something else.
  const renewed = `(${expired} OR (r.token IS NULL AND ${differs}))`;
  // S4: a takeover of what was uncertain; S2: one's own says what it said before.
  const takeover = `CASE WHEN ${renewed} THEN FALSE WHEN r.token = :token THEN r.takeover ELSE r.token IS NOT NULL END`;
  const change = (set: string, where: string) =>
    `UPDATE ${records} SET ${set}${dialect.records ? "" : from} WHERE ${byKey} AND ${where}`;
  const update = (set: string, where: string) => `${change(set, `${live} AND ${where}`)} ${done}`;
  // S5: once more by its own token, it changes nothing that counts.
  const completed = `expires_at = CASE WHEN ${open} THEN ${now} + :ttl ELSE r.expires_at END,
  outcome = coalesce(r.outcome, :outcome)`;
  // S11: once more, it changes nothing.
  const ends = (column: string) => `${column} = CASE WHEN ${open} THEN ${now} + :ttl ELSE r.${column} END`;
  // S4: as `read` says it; and since when, where it is uncertain, or else since when its window goes on.
  const status = `CASE WHEN NOT (${open}) THEN 'completed' WHEN r.token IS NULL THEN 'released'
  WHEN NOT ${lapsed} THEN 'in-progress' ELSE 'uncertain' END`;
  const since = `CASE WHEN ${held} AND ${lapsed} THEN r.lease_until ELSE r.claimed_at END`;
  // Read where it is asked for alone: a result may have megabytes.
  const outcomeOf = `(SELECT o.outcome FROM ${table} AS o WHERE o.key = r.key AND r.is_listed) AS outcome`;
  const page = (size: number) => `FROM ${table} AS r WHERE r.key >= :start ORDER BY r.key LIMIT ${size}`;
  const lastOf = (size: number) =>
    dialect.hasSlowWindows
      ? `(SELECT max(k.key) FROM (SELECT r.key ${page(size)}) AS k)`
      : "max(p.key) OVER ()";
  const fresh = `(${key}, ${COLUMNS})
SELECT :key, ${RECORD_VERSION}, ${first}, :ttl, ${now}, ${now} + :lease, ${now} + :lease + :ttl, ${now} + :ttl,
  :token, :token, :fingerprint, NULL${from}`;
  const insert = (condition: string) => `INSERT INTO ${table} AS r ${fresh}
WHERE ${condition}
ON CONFLICT (key) DO`;
  const taken = `attempt = CASE WHEN ${renewed} THEN 1 WHEN r.token = :token THEN r.attempt ELSE r.attempt + 1 END,
  claimed_at = CASE WHEN ${renewed} THEN ${now} ELSE r.claimed_at END,
  takeover = ${takeover},
  run_id = CASE WHEN ${renewed} THEN :token ELSE r.run_id END,
  fingerprint = CASE WHEN ${renewed} THEN :fingerprint ELSE coalesce(r.fingerprint, :fingerprint) END,
  version = ${RECORD_VERSION},
  ttl_ms = :ttl,
  lease_until = ${now} + :lease,
  expires_at = ${now} + :lease + :ttl,
  purge_at = ${now} + :ttl,
  token = :token,
  outcome = NULL`;
  const retake = change(taken, claimable);
  const past = `SELECT r.key FROM ${table} AS r${byPurge} WHERE r.purge_at <= ${now} AND ${expired}
  ORDER BY r.purge_at LIMIT :limit ${dialect.skipLocked}`;
  const stands = (where: string) =>
    `SELECT 1 AS done FROM ${records} WHERE ${byKey} AND ${live} AND ${where}`;

  return {
    seen: `SELECT ${dialect.numbers(["r.version", "r.attempt", left, otherHolder])}, r.fingerprint, r.outcome
FROM ${records} WHERE ${byKey} AND NOT ${expired}`,
    blocked: `SELECT ${row(holder)} FROM ${records} WHERE ${byKey} AND NOT ${claimable}`,
    insert: condition => `${insert(condition)} NOTHING ${done}`,
    take: condition => `${insert(condition)} UPDATE SET
  ${taken}
WHERE ${claimable}
RETURNING ${row(claimant, "")}`,
    takeAsked: `${retake}
RETURNING r.key, ${row(claimant)}`,
    // S5: for the token that holds the key alone, after its lease lapsed too.
    renew: update(`lease_until = ${now} + :lease, expires_at = ${now} + :lease + r.ttl_ms`, owned),
    // S7: for its ttl from now.
    complete: update(`purge_at = ${least}(r.purge_at, ${now} + :ttl), ${completed}`, "r.token = :token"),
    completeInTime: update(completed, `r.token = :token AND r.purge_at <= ${now} + :ttl`),
    // S6: the attempt and the runId stay for the record's ttl.
    release: update(`token = NULL, lease_until = 0, expires_at = ${now} + r.ttl_ms`, owned),
    read: `SELECT ${row(holder)} FROM ${records} WHERE ${byKey} AND NOT ${expired}`,
    settle: update(
      `${ends("expires_at")}, ${ends("purge_at")}, outcome = :outcome, token = NULL`,
      `${wasSeen} AND ((${held} AND ${lapsed}) OR ${settled})`,
    ),
    reopen: update(
      `expires_at = CASE WHEN r.token IS NULL THEN r.expires_at ELSE ${now} + r.ttl_ms END, lease_until = 0, token = NULL`,
      `${wasSeen} AND ((${held} AND ${lapsed}) OR ${reopened})`,
    ),
    forget: `${remove} ${records} WHERE ${byKey} AND NOT ${expired} ${done}`,
    forgetSeen: `${remove} ${records} WHERE ${byKey} AND ${live} AND ${wasSeen} ${done}`,
    // The outer limit cuts nothing: without one of its own, MySQL's sql_select_limit would.
    list: size => `SELECT r.last, CASE WHEN r.is_listed THEN r.key END AS ${key}, ${row(holder, "r.", outcomeOf)} FROM (
  SELECT p.*, ${lastOf(size)} AS last FROM (SELECT ${LISTED.map(column => `r.${column}`).join(", ")},
  (${live} AND ${status} = :status AND (:older IS NULL OR ${now} - ${since} >= :older)) AS is_listed
  ${page(size)}) AS p
) AS r WHERE r.is_listed OR r.key = r.last LIMIT ${size}`,
    // S8, S10: what is past its time, and nothing else.
    purge: `WITH past AS MATERIALIZED (
  ${past}
)
DELETE FROM ${table} WHERE key IN (SELECT key FROM past) ${done}`,
    apart: {
      fresh,
      isOwn,
      met: `SELECT ${row(`CASE WHEN ${isOwn} THEN ${claimant} ELSE ${holder} END`)}
FROM ${records} WHERE ${byKey} AND (${isOwn} OR NOT ${claimable})`,
      retake,
      stands: {
        renew: stands(`${owned} AND (:lease > 0 OR ${lapsed})`),
        complete: stands(`NOT (${open}) AND r.token = :token`),
        settle: stands(`${wasSeen} AND ${settled}`),
        reopen: stands(`${wasSeen} AND ${reopened}`),
      },
      past,
      forgetPast: `${remove} ${records} WHERE ${byKey} AND r.purge_at <= ${now} AND ${expired}`,
    },
  };
}

/** The columns that a statement answers with, for one row. */
function rowOf({ now, numbers }: SqlDialect): (holder: string, of?: string, outcome?: string) => string {
  return (holder, of = "r.", outcome = `${of}outcome`) => {
    const counts = ["version", "attempt", "lease_until", "expires_at", "claimed_at"].map(
      column => of + column,
    );
    const texts = [`${of}run_id`, `${of}fingerprint`, outcome];
    return `${numbers([...counts, now, holder])}, ${texts.join(", ")}`;
  };
}
