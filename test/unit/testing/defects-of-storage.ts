import { before, type Defects, edit, respelt, rewritten, shown } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import { referenceStore } from "./reference-store.ts";

/** S9: keys. */
export const keyDefects: Defects = {
  "lower-cases keys": respelt(key => key.toLowerCase()),
  "trims keys": respelt(key => key.trim()),
  "trims the end of keys": respelt(key => key.replace(/ +$/, "")),
  "trims the start of keys": respelt(key => key.trimStart()),
  "normalises keys": respelt(key => key.normalize("NFC")),
  "folds look-alikes in keys": respelt(key => key.normalize("NFKC")),
  "cuts keys at NUL": respelt(key => key.replace(/\0.*/s, "")),
  "drops NUL from keys": respelt(key => key.replaceAll("\0", "")),
  "cuts keys at 255": respelt(key => key.slice(0, 255)),
  "cuts keys at 299": respelt(key => key.slice(0, 299)),
  "knows no emoji in keys": respelt(key => key.replace(/[\ud800-\udfff]+/g, "?")),
  "drops invisible characters from keys": respelt(key => key.replace(/[\u200b\ufeff]/g, "")),
  "compares keys by the German dictionary": respelt(key => key.replaceAll("ß", "ss")),
  "takes % in a key for anything": base => ({
    forget(key) {
      const found = base.forget(key);
      const others = [...base.records.keys()].filter(
        other => key.endsWith("%") && other.startsWith(key.slice(0, -1)),
      );
      for (const other of others) base.records.delete(other);
      return found;
    },
  }),
  "keeps keys as properties of an object": base => ({
    claim: (key, request) =>
      key in {} ? { status: "in-progress", attempt: 1, retryAfterMs: 1 } : base.claim(key, request),
  }),
};

/** Makes other digests of those of its claims. */
const redigested =
  (change: (digest: string) => string): Defect =>
  base => ({
    claim: (key, { fingerprint, ...request }) =>
      base.claim(key, { ...request, fingerprint: fingerprint && change(fingerprint) }),
  });

/** S9: tokens and fingerprints. */
export const digestDefects: Defects = {
  "cuts fingerprints at 16": redigested(digest => digest.slice(0, 16)),
  "lower-cases fingerprints": redigested(digest => digest.toLowerCase()),
  "has no room for fingerprints of 22 characters": redigested(digest => {
    if (digest.length > 20) throw new Error("value too long for type character varying(20)");
    return digest;
  }),
  "makes no difference between cases of a token": base => ({
    renew: (key, token, leaseMs) => base.renew(key, heldAs(base.find(key)?.token, token), leaseMs),
  }),
};

const heldAs = (held: string | undefined, token: string) =>
  held?.toLowerCase() === token.toLowerCase() ? held : token;

/** S9: outcomes. */
export const outcomeDefects: Defects = {
  "cuts outcomes at NUL": rewritten(outcome => outcome.replace(/\0.*/s, "")),
  "trims outcomes": rewritten(outcome => outcome.trim()),
  "replaces lone surrogates": rewritten(outcome =>
    new TextDecoder().decode(new TextEncoder().encode(outcome)),
  ),
  "normalises outcomes": rewritten(outcome => outcome.normalize()),
  "unescapes outcomes": rewritten(outcome => outcome.replace(/\\(.)/g, "$1")),
  "doubles quotes in outcomes": rewritten(outcome => outcome.replaceAll("'", "''")),
  "changes line ends": rewritten(outcome => outcome.replaceAll("\r\n", "\n")),
  "cuts outcomes at 64 KiB": rewritten(outcome => outcome.slice(0, 0x10000)),
  "knows no emoji in outcomes": rewritten(outcome => outcome.replace(/[\u{10000}-\u{10ffff}]/gu, "?")),
  "takes an empty outcome for none": shown(({ outcome }) => ({ outcome: outcome || undefined })),
  "writes JSON its own way": rewritten(outcome => {
    try {
      return JSON.stringify(JSON.parse(outcome));
    } catch {
      return outcome;
    }
  }),
  "guards JSON against __proto__": rewritten(outcome => outcome.replace("__proto__", "proto")),
  "reads null": shown(({ outcome }) => ({ outcome: outcome === "null" ? null : outcome })),
};

/** A store that declares one limit, and refuses what has more bytes than another. */
function limited(maxOutcomeBytes: unknown, takes: number): Defect {
  const refuse = (outcome: string) => {
    if (Buffer.byteLength(outcome) > takes) throw new Error("too large");
  };
  return base => ({
    maxOutcomeBytes: maxOutcomeBytes as number,
    complete(key, token, outcome, ttlMs) {
      refuse(outcome);
      return base.complete(key, token, outcome, ttlMs);
    },
    settle(key, outcome, ttlMs, seen) {
      refuse(outcome);
      return base.settle(key, outcome, ttlMs, seen);
    },
  });
}

/** A store that keeps to the limit that it declares. */
export const limitedStore = (maxOutcomeBytes: number): Defect => limited(maxOutcomeBytes, maxOutcomeBytes);

/** S9: limits. */
export const limitDefects: Defects = {
  "takes a byte less than it declares": limited(400_000, 399_999),
  "counts its limit in two bytes a character": base => ({
    ...limited(400_000, 400_000)(base, () => 0),
    complete(key, token, outcome, ttlMs) {
      if (outcome.length * 2 > 400_000) throw new Error("too large");
      return base.complete(key, token, outcome, ttlMs);
    },
  }),
  "cuts outcomes at its limit": base => ({
    ...rewritten(outcome => outcome.slice(0, 399_999))(base, () => 0),
    maxOutcomeBytes: 400_000,
  }),
  "takes less than 1 MiB, and does not say so": limited(undefined, 1_048_575),
  "takes too little to say that there was a result": limited(64, 64),
  "declares its limit as text": limited("400 KB", 400_000),
  "declares no number": limited(Number.NaN, 400_000),
};

/** S8: stores that evict when they are full. */
export const evictingDefects: Defects = {
  "evicts the oldest, in progress or not": before("claim", base => {
    const [oldest] = base.records.keys();
    if (base.records.size < base.room || oldest === undefined) return;
    base.records.delete(oldest);
    base.announce(oldest);
  }),
  "evicts a claim in progress where there is nothing else": before("claim", base => {
    const idle = [...base.records.values()].some(({ state }) => state !== "claimed");
    const [oldest] = base.records.keys();
    if (base.records.size < base.room || idle || oldest === undefined) return;
    base.records.delete(oldest);
    base.announce(oldest);
  }),
  "evicts without a word": before("claim", base => {
    const idle = [...base.records].find(([, { state }]) => state !== "claimed");
    if (base.records.size >= base.room && idle) base.records.delete(idle[0]);
  }),
  "announces what it keeps": before("claim", base => {
    for (const key of base.records.keys()) base.announce(key);
  }),
  "is never full": (base, now) => ({ claim: referenceStore({ now, records: base.records }).claim }),
  "keeps room for what is expired": base => ({
    claim(key, request) {
      if (base.records.size >= base.room) throw new Error("full");
      return base.claim(key, request);
    },
  }),
};

/** S8: stores that refuse when they are full. */
export const refusingDefects: Defects = {
  "keeps a claim that it refuses": (base, now) => ({
    claim(key, request) {
      try {
        return base.claim(key, request);
      } catch (error) {
        referenceStore({ now, records: base.records }).claim(key, request);
        throw error;
      }
    },
  }),
  "counts what is expired": before("claim", base => {
    if (base.records.size >= base.room) throw new Error("full");
  }),
};

/** A purge that goes by when the record was to end as it was claimed. */
function purgingAsClaimed(removes: (isExpired: boolean) => boolean): Defect {
  return (base, now) => {
    const due = new Map<string, number>();
    return {
      claim(key, request) {
        due.set(key, now() + request.leaseMs + request.ttlMs);
        return base.claim(key, request);
      },
      purge() {
        for (const [key, at] of due) {
          if (at <= now() && removes(base.find(key) === undefined)) base.records.delete(key);
        }
      },
    };
  };
}

/** S10: what is left behind. */
export const cleanupDefects: Defects = {
  "never purges": () => ({ purge: () => {} }),
  "purges everything": base => ({ purge: () => base.records.clear() }),
  "purges what outlasts its claim": purgingAsClaimed(() => true),
  "keeps what lasts less than its claim": purgingAsClaimed(isExpired => isExpired),
  "forgets by letting the record expire": base => ({
    forget(key) {
      const found = base.find(key) !== undefined;
      edit(base, key, () => ({ expiresAt: 0 }));
      return found;
    },
  }),
};
