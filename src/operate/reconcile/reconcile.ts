import { InvalidOptionError } from "../../contract/errors.ts";
import type { Idempotency, KeyEntry } from "../../contract/idempotency.ts";
import { describe } from "../../util/describe.ts";
import { notify } from "../../util/notify.ts";
import { onAbort } from "../../util/on-abort.ts";
import { type Finding, type Pass, type Reconciled, type ReconcileOptions, readPass } from "./options.ts";

/**
 * Goes once over the uncertain keys, asks `find` about each, and settles it. If the side effect happened, the key
 * gets the result (`resolve`). If it did not, the key is freed for the next call (`reopen`). It needs memory for
 * one page of keys and the running calls of `find`. Concurrent passes, also on several machines, do no harm: an
 * entry is settled only if it has not changed since it was listed (S11).
 *
 * @param idempotency bound to the store and the namespace whose keys you want to settle
 * @returns how many keys ended how
 * @throws InvalidOptionError `INVALID_OPTION`, also where the store cannot list; InvalidDurationError
 * `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`; StoreError `STORE_ERROR` if the listing fails; the signal's reason.
 * Running calls of `find` end first.
 *
 * @example
 * ```ts
 * import { createIdempotency } from "with-idempotency";
 * import { reconcile } from "with-idempotency/reconcile";
 *
 * const emails = createIdempotency({ namespace: "emails" });
 * const sent = new Map([["a reference", { id: "email-1" }]]);
 * const done = await reconcile(emails, {
 *   ttl: "24h",
 *   find: async ({ idempotencyKey }) => {
 *     const email = sent.get(idempotencyKey); // asks the provider
 *     return email ? { happened: true, value: email } : { happened: false };
 *   },
 * });
 * console.log(`${done.resolved} had been sent, ${done.reopened} had not`); // → 0 had been sent, 0 had not
 * ```
 */
export async function reconcile(idempotency: Idempotency, options: ReconcileOptions): Promise<Reconciled> {
  return onePass(idempotency, readPass(idempotency, options, false));
}

/** One pass over the uncertain keys. `isStopped` ends it as a signal would, but without a reason. */
export async function onePass(
  idempotency: Idempotency,
  pass: Pass,
  isStopped: () => boolean = () => false,
): Promise<Reconciled> {
  const { signal, olderThan, concurrency, limit } = pass;
  const tally: Reconciled = { looked: 0, resolved: 0, reopened: 0, left: 0, failed: 0 };
  const looks = new Set<Promise<void>>();
  let makeRoom = () => {};
  const recent = recently();
  const abort = new AbortController();
  const forgetSignal = signal && onAbort(signal, () => abort.abort(signal.reason));
  try {
    signal?.throwIfAborted();
    for await (const entry of idempotency.list({ state: "uncertain", olderThan })) {
      if (isStopped() || signal?.aborted) break;
      if (!recent(entry)) continue;
      tally.looked += 1;
      const look = settleOne(idempotency, pass, entry, abort.signal).then(end => {
        tally[end] += 1;
        looks.delete(look);
        makeRoom();
      });
      looks.add(look);
      if (tally.looked >= limit) break;
      // The next entry is asked for when there is room for it.
      if (looks.size < concurrency) continue;
      // Not by a race of them all, of which a slow one would remember each.
      await new Promise<void>(resolve => {
        makeRoom = resolve;
      });
    }
  } finally {
    await Promise.all(looks);
    forgetSignal?.();
  }
  signal?.throwIfAborted();
  return tally;
}

/** Asks about one entry, and settles it by the answer. Never rejects. */
async function settleOne(
  idempotency: Idempotency,
  { find, ttl, onError }: Pass,
  entry: KeyEntry,
  signal: AbortSignal,
): Promise<Exclude<keyof Reconciled, "looked">> {
  try {
    const finding = expectFinding(await find(entry, { signal }));
    if (finding === undefined) return "left";
    // S11: false where somebody else has settled it, or taken it over, since it was listed.
    if (!finding.happened) return (await idempotency.reopen(entry)) ? "reopened" : "left";
    return (await idempotency.resolve(entry, ttl, finding.value)) ? "resolved" : "left";
  } catch (error) {
    // What the caller's own abort brought about is nobody's failure.
    if (signal.aborted) return "left";
    if (onError !== undefined) notify(() => onError(error, entry), undefined);
    return "failed";
  }
}

/** A slip in `find` must not make a key that happened run again, or the other way round. */
function expectFinding(value: unknown): Finding {
  const { happened } = (value ?? {}) as { happened?: unknown };
  const isKnown = typeof value === "object" && value !== null && typeof happened === "boolean";
  const isSound = isKnown && (happened === false || "value" in value);
  if (value === undefined || isSound) return value as Finding;
  throw new InvalidOptionError(
    `find: expected { happened: true, value }, { happened: false } or undefined; got ${describe(value)}`,
  );
}

const REMEMBERED = 10_000;

/** Whether an entry has not come yet, as far as that is remembered: a listing may name one twice. */
function recently(): (entry: KeyEntry) => boolean {
  const seen = new Set<string>();
  return ({ storeKey, runId, attempt }) => {
    const name = JSON.stringify([storeKey, runId, attempt]);
    if (seen.has(name)) return false;
    seen.add(name);
    // A set begins with what was put in first.
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value as string);
    return true;
  };
}
