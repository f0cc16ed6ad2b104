import { BATCH_MUTANTS } from "./batch-mutants.ts";
import type { Policy } from "./plan.ts";
import type { Transform } from "./sandbox.ts";

/** A line of protection, and the source without it. */
export interface Mutant {
  /** What protects. */
  protection: string;
  /** What goes wrong without it. */
  without: string;
  file: string;
  /** What stands in the file, and what takes its place. */
  line: string;
  by: string;
  /** The policy under which it shows. */
  policy: Policy;
  /** Where the tests begin to look, to be done sooner. */
  seed: number;
}

type Where = Partial<Pick<Mutant, "policy" | "seed">>;

const engine = (
  file: string,
  protection: string,
  without: string,
  line: string,
  by: string,
  where: Where = {},
): Mutant => ({ protection, without, file: `${file}.ts`, line, by, policy: "reject", seed: 1, ...where });
const store = (protection: string, without: string, line: string, by: string, where?: Where) =>
  engine("stores/memory/store", protection, without, line, by, where);

/** The protections of calls and of the in-memory store, each taken out. */
const CALL_MUTANTS: readonly Mutant[] = [
  store(
    "only the holder completes (S5)",
    "a run that was replaced overwrites its successor's result",
    "complete(key: string, token: string, outcome: string, ttlMs: number): boolean {\n    const now = this.#entries.now();\n    const held = this.#owned(key, token, now);",
    "complete(key: string, token: string, outcome: string, ttlMs: number): boolean {\n    const now = this.#entries.now();\n    const held = this.#entries.claim(key, now);",
    { seed: 485 },
  ),
  store(
    "only the holder releases (S5)",
    "a run that fails late frees the key of its successor",
    "release(key: string, token: string): boolean {\n    const now = this.#entries.now();\n    const held = this.#owned(key, token, now);",
    "release(key: string, token: string): boolean {\n    const now = this.#entries.now();\n    const held = this.#entries.claim(key, now);",
  ),
  store(
    "only the holder renews (S5)",
    "a run that was replaced keeps its successor's claim alive, and never learns of it",
    "renew(key: string, token: string, leaseMs: number): boolean {\n    const now = this.#entries.now();\n    const held = this.#owned(key, token, now);",
    "renew(key: string, token: string, leaseMs: number): boolean {\n    const now = this.#entries.now();\n    const held = this.#entries.claim(key, now);",
  ),
  store(
    "a token knows its own claim (S2)",
    "a call whose reply was lost blocks itself",
    "if (token === request.token)\n",
    "if (false)\n",
  ),
  engine(
    "stores/memory/records",
    "a completion by its own token is true again (S5)",
    "a lost reply makes a stored result look lost",
    "return outcome !== undefined && (history",
    "return false && (history",
  ),
  store(
    "a lapsed lease is uncertain (S4)",
    "a crash inside fn runs it again",
    "if (!isWanted || differ(",
    "if (differ(",
  ),
  store(
    "the fingerprint is looked at before a takeover (S4)",
    "another payload runs in the window",
    "!isWanted || differ(fingerprint, request.fingerprint)",
    "!isWanted",
    { policy: "rerun", seed: 107 },
  ),
  engine(
    "stores/memory/entries",
    "an uncertain key is kept for its ttl (S8)",
    "a crash inside fn runs it again as soon as its lease is over",
    "claim !== undefined && now < claim.leaseUntil + claim.ttlMs ?",
    "claim !== undefined && now < claim.leaseUntil ?",
  ),
  engine(
    "stores/memory/entries",
    "an expired record is as good as absent (S3)",
    "an old result is given out in the next window",
    "return record !== undefined && now < record.expiresAt ? record : undefined;",
    "return record;",
  ),
  store(
    "a released key keeps its attempt and runId (S6)",
    "a retry gets another key for its provider, which lets it through",
    "return this.#take(key, request, now, claimedAt, runId, attempt + 1, fingerprint, false, runText);",
    "return this.#take(key, request, now);",
  ),
  store(
    "a takeover keeps the runId (S4)",
    "a takeover gets another key for its provider, which sends twice",
    "return this.#take(key, request, now, claimedAt, runId, attempt + 1, fingerprint, true, runText);",
    "return this.#take(key, request, now, claimedAt, request.token, attempt + 1, fingerprint, true);",
    { policy: "rerun" },
  ),
  engine(
    "engine/claim",
    "a failed claim is repeated with the same token",
    "a call whose reply was lost blocks itself",
    "const request = { token, ",
    "const request = { token: token + Math.random(), ",
  ),
  engine(
    "engine/claim",
    "an uncertain key is taken over only where that was asked for",
    "a crash inside fn runs it again",
    'rerun: onUncertain === "rerun"',
    "rerun: true",
  ),
  engine(
    "engine/perform",
    "a claim that was given up is released",
    "the key is stuck as uncertain though fn never ran",
    "releaseLateClaim(call, answer);",
    "",
  ),
  engine(
    "engine/late-claim",
    "a claim that lands after it was given up is released",
    "the key is stuck as uncertain though fn never ran",
    "void settleNowOrLater(call, settlementFor(answer));",
    "",
  ),
  engine(
    "engine/late-claim",
    "a claim that was sent twice is held when it is given up",
    "a run whose outcome nobody knows is run again by a call that never chose to",
    "failed.isRepeated ? undefined : claimed",
    "claimed",
    { policy: "rerun", seed: 37_538 },
  ),
  engine(
    "engine/until-turn",
    "a call that comes to an uncertain key gets OUTCOME_UNKNOWN",
    "it waits for a run that nobody makes",
    'if (status === "uncertain") throw outcomeUnknown(call, attempt, retryAfterMs);',
    "",
  ),
  engine(
    "engine/until-turn",
    "a waiter does not run in the window after the run that it waited for",
    "what was sent is sent again",
    "hasOutwaited || attempt <= seenAttempt",
    "false",
    { seed: 939 },
  ),
  engine(
    "engine/answers",
    "the fingerprint is looked at before a replay",
    "a call gets the result of another payload",
    "requireFingerprint(call, fingerprint);\n  see(",
    "see(",
  ),
  engine(
    "engine/lease",
    "a lease is renewed while fn runs",
    "a slow fn is taken for a dead one",
    "if (run.timer !== undefined) void renew(run, run.timer);",
    "",
  ),
  engine(
    "engine/lease",
    "a lease that cannot be renewed is given up at its end",
    "a run cut off from the store goes on beside its successor",
    'lose(run, "it could not be renewed in time", false);',
    "{}",
    { policy: "rerun", seed: 131 },
  ),
  engine(
    "engine/lease",
    "the signal aborts when the claim is lost",
    "a run that was replaced goes on beside its successor",
    "execution.abort(error);",
    "",
    { policy: "rerun", seed: 131 },
  ),
  engine(
    "engine/conclude",
    "a completion that failed is tried again",
    "a result is lost though the store is back",
    "void settleRunLater(run, unsettled).then(() => {",
    "void new Promise(() => {}).then(() => {",
  ),
  engine(
    "engine/conclude",
    "a result is shared until it is stored",
    "calls of the process get OUTCOME_UNKNOWN",
    "endRun(shared, end);\n  const close =",
    "publish(call, shared, end);\n  const close =",
    { seed: 1434 },
  ),
  engine(
    "engine/conclude",
    "each call gets a result of its own",
    "a caller that changes its result changes that of others",
    "return outcome === undefined\n",
    "return true\n",
  ),
  engine(
    "engine/policy",
    "an error that was in transit holds the key",
    "what may have been sent is sent again",
    'execution.isAborted || interruptedInTransit(error) ? "hold" : "release"',
    '"release"',
  ),
  engine(
    "engine/policy",
    "a takeover settles nothing by failing (P2)",
    "a run whose outcome nobody knows is run again by a call that never chose to",
    'return run.takeover && policy === "release" ? "hold" : policy;',
    "return policy;",
    { policy: "rerun" },
  ),
  engine(
    "engine/store-call",
    "a failing store changes nothing in what fn came to",
    "a success becomes a failure, and an error of fn another one",
    'call.emit?.({ type: "store-error", operation, error });\n  return undefined;',
    "throw error;",
  ),
  engine(
    "util/within",
    "every operation ends by its timeout",
    "a store that never answers hangs its callers",
    "else giveUp();",
    "",
  ),
  engine(
    "util/token",
    "a token is drawn from the platform's randomness (section 10)",
    "two clones of one process hold one key",
    "BASE64URL.charCodeAt(bytes[start + i]! & 63)",
    "BASE64URL.charCodeAt((Math.random() * 256) & 63)",
  ),
  engine(
    "util/moment",
    "a lease counts by the wall clock too (section 6)",
    "a machine that was suspended runs by a claim that another has by now",
    "Math.max(performance.now() - monotonic, Date.now() - wall)",
    "performance.now() - monotonic",
    { policy: "rerun" },
  ),
];

/** The protections of the engine and of the in-memory store, each taken out. */
export const MUTANTS: readonly Mutant[] = [...CALL_MUTANTS, ...BATCH_MUTANTS];

/** The source without a protection. Throws where it stands there no more: then the mutant is to be written anew. */
export function without(mutant: Mutant): Transform {
  return (path, source) => {
    if (path !== mutant.file) return source;
    if (source.split(mutant.line).length !== 2) {
      throw new Error(
        `${mutant.file}: expected once:\n${mutant.line}\n(the protection "${mutant.protection}")`,
      );
    }
    return source.replace(mutant.line, () => mutant.by);
  };
}
