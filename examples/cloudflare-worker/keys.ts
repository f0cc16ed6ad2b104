import { DurableObject } from "cloudflare:workers";
import type { ClaimRequest, IdempotencyStore, Seen } from "with-idempotency";
import { durableObjectStore } from "with-idempotency/sqlite";

const HOUR_MS = 3_600_000;

/** Keeps the keys of one shard, in a SQLite of its own. */
export class Keys extends DurableObject {
  readonly #store = durableObjectStore(this.ctx.storage);

  async claim(key: string, request: ClaimRequest) {
    const answer = this.#store.claim(key, request);
    // Claims remove what is past its time; the alarm does once no more come.
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + HOUR_MS);
    return answer;
  }
  renew(key: string, token: string, leaseMs: number) {
    return this.#store.renew(key, token, leaseMs);
  }
  complete(key: string, token: string, outcome: string, ttlMs: number) {
    return this.#store.complete(key, token, outcome, ttlMs);
  }
  release(key: string, token: string) {
    return this.#store.release(key, token);
  }
  read(key: string) {
    return this.#store.read(key);
  }
  settle(key: string, outcome: string, ttlMs: number, seen?: Seen) {
    return this.#store.settle(key, outcome, ttlMs, seen);
  }
  reopen(key: string, seen?: Seen) {
    return this.#store.reopen(key, seen);
  }
  forget(key: string, seen?: Seen) {
    return this.#store.forget(key, seen);
  }

  override async alarm() {
    await this.#store.purge();
  }
}

const SHARDS = 16;

/** Which shard a key is kept in: always the same. */
function shardOf(key: string): number {
  let hash = 0;
  for (const unit of key) hash = (Math.imul(hash, 31) + unit.codePointAt(0)!) >>> 0;
  return hash % SHARDS;
}

/** A store over all shards, for any Worker that has the namespace as a binding. Never change `SHARDS` while keys live. */
export function keysStore(namespace: DurableObjectNamespace<Keys>): IdempotencyStore {
  // A new stub for each call: one that met an error may go on failing.
  const of = (key: string) => namespace.get(namespace.idFromName(`shard ${shardOf(key)}`));
  return {
    maxOutcomeBytes: 1_990_000,
    claim: (key, request) => of(key).claim(key, request),
    renew: (key, token, leaseMs) => of(key).renew(key, token, leaseMs),
    complete: (key, token, outcome, ttlMs) => of(key).complete(key, token, outcome, ttlMs),
    release: (key, token) => of(key).release(key, token),
    read: key => of(key).read(key),
    settle: (key, outcome, ttlMs, seen) => of(key).settle(key, outcome, ttlMs, seen),
    reopen: (key, seen) => of(key).reopen(key, seen),
    forget: (key, seen) => of(key).forget(key, seen),
  };
}
