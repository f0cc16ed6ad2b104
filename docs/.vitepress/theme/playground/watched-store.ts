import type { IdempotencyStore } from "./library.ts";
import type { Tell } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The store, and word of what it has of a key whenever that changes: by an operation, or by time. */
export function watched(store: IdempotencyStore, time: VirtualTime, tell: Tell): IdempotencyStore {
  const last = new Map<string, string>();

  async function look(key: string): Promise<void> {
    const record = await store.read(key);
    const now = time.now();
    const isHeld = record?.status === "in-progress";
    const state = record?.status ?? "absent";
    const leaseEnd = isHeld ? now + record.leaseInMs : undefined;
    const expiry = record && !isHeld ? now + record.expiresInMs : undefined;
    const shown = JSON.stringify([state, leaseEnd, expiry]);
    if (last.get(key) === shown || (record === undefined && !last.has(key))) return;
    last.set(key, shown);
    tell({ type: "key", key, state, leaseEnd, expiry });
    const changesAt = leaseEnd ?? expiry;
    if (changesAt !== undefined) time.observeAfter(changesAt - now, () => void look(key));
  }

  const after = async <T>(key: string, answer: T | PromiseLike<T>): Promise<T> => {
    const known = await answer;
    await look(key);
    return known;
  };
  const afterAll = async <T>(items: readonly { key: string }[], answer: T | PromiseLike<T>): Promise<T> => {
    const known = await answer;
    for (const { key } of items) await look(key);
    return known;
  };

  return {
    claim: (key, request) => after(key, store.claim(key, request)),
    renew: (key, ...args) => after(key, store.renew(key, ...args)),
    complete: (key, ...args) => after(key, store.complete(key, ...args)),
    release: (key, token) => after(key, store.release(key, token)),
    claimMany: items => afterAll(items, store.claimMany!(items)),
    renewMany: items => afterAll(items, store.renewMany!(items)),
    completeMany: items => afterAll(items, store.completeMany!(items)),
    releaseMany: items => afterAll(items, store.releaseMany!(items)),
    read: key => store.read(key),
    settle: (key, ...args) => after(key, store.settle(key, ...args)),
    reopen: (key, seen) => after(key, store.reopen(key, seen)),
    forget: (key, seen) => after(key, store.forget(key, seen)),
    settled: (key, signal) => store.settled!(key, signal),
  };
}
