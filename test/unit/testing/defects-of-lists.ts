import type { ListedRecord, ListQuery, StoreRecord } from "../../../src/contract/store.ts";
import { before, type Defects, edit } from "./defects.ts";
import type { Defect } from "./reference-harness.ts";
import type { ReferenceStore } from "./reference-store.ts";

/** Changes what a listing is asked for. */
const queried =
  (change: (query: ListQuery) => Partial<ListQuery>): Defect =>
  base => ({ list: query => base.list!({ ...query, ...change(query) }) });

/** Lists all records that are there, as one function or another has it. */
const listing =
  (list: (base: ReferenceStore, query: ListQuery, now: number) => ListedRecord[]): Defect =>
  (base, now) => ({
    async *list(query) {
      yield* list(base, query, now());
    },
  });

const all = (base: ReferenceStore, keep: (key: string, record: StoreRecord) => boolean): ListedRecord[] =>
  [...base.records.keys()].flatMap(key => {
    const record = base.read(key) as StoreRecord | undefined;
    return record && keep(key, record) ? [{ key, ...record }] : [];
  });

/** What a listing has in it. */
export const listDefects: Defects = {
  "has no list": () => ({ list: undefined }),
  "lists nothing": listing(() => []),
  "lists every status": listing((base, { prefix }) => all(base, key => key.startsWith(prefix))),
  "takes what is uncertain for in progress": queried(({ status }) => ({
    status: status === "uncertain" ? "in-progress" : status,
  })),
  "lists what is expired": base => ({
    list(query) {
      for (const kept of base.records.values()) kept.expiresAt += 10_000;
      return base.list!(query);
    },
  }),
  "lists what was never there": (base, now) => ({
    async *list(query) {
      yield* base.list!(query);
      base.claim(`${query.prefix}listed`, { token: "lister", leaseMs: 0, ttlMs: 1_000 });
      const record = base.read(`${query.prefix}listed`) as StoreRecord;
      if (now() >= 0) yield { key: `${query.prefix}listed`, ...record };
    },
  }),
  "ignores the prefix": queried(() => ({ prefix: "" })),
  "finds the prefix anywhere": listing((base, { prefix, status }) =>
    all(base, (key, record) => record.status === status && key.includes(prefix)),
  ),
  "takes the prefix for a pattern": listing((base, { prefix, status }) => {
    const pattern = prefix.replaceAll("%", "*").replaceAll("?", "_").split("*");
    return all(base, (key, record) => record.status === status && pattern.every(part => key.includes(part)));
  }),
  "makes no difference between cases": listing((base, { prefix, status }) =>
    all(
      base,
      (key, record) => record.status === status && key.toLowerCase().startsWith(prefix.toLowerCase()),
    ),
  ),
  "ignores the age": queried(() => ({ olderThanMs: undefined })),
  "counts what is uncertain from its window's first claim": listing(
    (base, { prefix, status, olderThanMs = 0 }, now) =>
      all(
        base,
        (key, record) =>
          record.status === status && key.startsWith(prefix) && now - record.claimedAt >= olderThanMs,
      ),
  ),
  "counts what is settled from when it was": listing((base, { prefix, status, olderThanMs = 0 }, now) =>
    all(base, (key, record) => {
      const { ttlMs } = base.records.get(key)!;
      const age = record.status === "uncertain" ? 1_000_000 : now - (now + record.expiresInMs - ttlMs);
      return record.status === status && key.startsWith(prefix) && age >= olderThanMs;
    }),
  ),
  "gives no more than a page": base => ({
    async *list(query) {
      let left = 100;
      for await (const record of base.list!(query)) if (left-- > 0) yield record;
    },
  }),
  "loses its place when a record goes": base => ({
    async *list(query) {
      for (let at = 0; ; at++) {
        const records = all(
          base,
          (key, { status }) => status === query.status && key.startsWith(query.prefix),
        );
        if (at >= records.length) return;
        yield records[at]!;
      }
    },
  }),
  "goes on from where it was left": base => {
    const given = new Set<string>();
    return {
      async *list(query) {
        for await (const record of base.list!(query)) {
          if (!given.has(record.key)) yield record;
          given.add(record.key);
        }
      },
    };
  },
  "shows the token": base => ({
    async *list(query) {
      for await (const record of base.list!(query))
        yield { ...record, token: base.records.get(record.key)?.token } as ListedRecord;
    },
  }),
  "shows less than read does": base => ({
    async *list(query) {
      for await (const record of base.list!(query))
        yield { ...record, outcome: undefined, fingerprint: undefined };
    },
  }),
  "extends what it lists": base => ({
    async *list(query) {
      for await (const record of base.list!(query)) {
        edit(base, record.key, ({ ttlMs }) => ({ ttlMs: ttlMs * 2 }));
        edit(base, record.key, ({ expiresAt, ttlMs }) => ({ expiresAt: expiresAt + ttlMs }));
        yield record;
      }
    },
  }),
};

/** Brings the key into a state that can be reopened. */
const unsettle = (base: ReferenceStore, key: string, state: "claimed" | "released" | "completed") =>
  edit(base, key, kept => (kept.state === state ? { state: "claimed", leaseUntil: 0 } : {}));

/** What becomes of a key that is reopened. */
export const reopenDefects: Defects = {
  "never reopens": () => ({ reopen: () => false }),
  "reopens a key in progress": before("reopen", (base, key) => unsettle(base, key, "claimed")),
  "reopens a released key": before("reopen", (base, key) => unsettle(base, key, "released")),
  "reopens a completed key": before("reopen", (base, key) => unsettle(base, key, "completed")),
  "reopens an absent key": before("reopen", (base, key) => {
    if (!base.find(key)) base.claim(key, { token: "reopener", leaseMs: 0, ttlMs: 1_000 });
  }),
  "forgets what it reopens": base => ({
    reopen: key => base.find(key)?.state === "claimed" && base.reopen(key) === true && base.forget(key),
  }),
  "leaves a reopened key to its holder": base => ({
    reopen(key, seen) {
      const { token } = base.find(key) ?? {};
      const reopened = base.reopen(key, seen);
      if (reopened) edit(base, key, () => ({ token, state: "claimed" }));
      return reopened;
    },
  }),
  "keeps a reopened key no longer than before": base => ({
    reopen(key, seen) {
      const { expiresAt } = base.find(key) ?? {};
      const reopened = base.reopen(key, seen);
      if (reopened) edit(base, key, () => ({ expiresAt: expiresAt! - 200 }));
      return reopened;
    },
  }),
  "counts the window from the reopening": (base, now) => ({
    reopen(key, seen) {
      const reopened = base.reopen(key, seen);
      if (reopened) edit(base, key, () => ({ claimedAt: now() + 1 }));
      return reopened;
    },
  }),
  "keeps no fingerprint of a reopened key": base => ({
    reopen(key, seen) {
      const reopened = base.reopen(key, seen);
      if (reopened) edit(base, key, () => ({ fingerprint: undefined }));
      return reopened;
    },
  }),
};
