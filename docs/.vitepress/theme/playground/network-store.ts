import type { IdempotencyStore } from "./library.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

const TRIP_MS = 150;

/** The way from the workers to their store. */
export interface Network {
  isDown: boolean;
}

/** What a process asks of the store about a key. A lease of nothing makes the key uncertain. */
export type Asked = "claim" | "renew" | "complete" | "release" | "hold";

const asksOfRenewal = (leaseMs: number): Asked => (leaseMs === 0 ? "hold" : "renew");

/**
 * The store as one process sees it, over a network: each message takes its time, and is lost while the network is
 * down. An object of its own for each process, so that the library shares no runs between them.
 */
export function networkStore(
  store: IdempotencyStore,
  time: VirtualTime,
  network: Network,
  actor: Actor,
  asks: (asked: Asked, key: string) => void,
): IdempotencyStore {
  const trip = (act: () => void) => {
    time.after(TRIP_MS, () => network.isDown || act(), actor);
  };

  function call<T>(act: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      trip(() => {
        const answer = (async () => act())();
        answer.then(
          value => trip(() => resolve(value)),
          error => trip(() => reject(error)),
        );
      });
    });
  }

  return {
    claim(key, request) {
      asks("claim", key);
      return call(() => store.claim(key, request));
    },
    renew(key, token, leaseMs) {
      asks(asksOfRenewal(leaseMs), key);
      return call(() => store.renew(key, token, leaseMs));
    },
    complete(key, ...args) {
      asks("complete", key);
      return call(() => store.complete(key, ...args));
    },
    release(key, token) {
      asks("release", key);
      return call(() => store.release(key, token));
    },
    claimMany(items) {
      for (const { key } of items) asks("claim", key);
      return call(() => store.claimMany!(items));
    },
    renewMany(items) {
      for (const { key, leaseMs } of items) asks(asksOfRenewal(leaseMs), key);
      return call(() => store.renewMany!(items));
    },
    completeMany(items) {
      for (const { key } of items) asks("complete", key);
      return call(() => store.completeMany!(items));
    },
    releaseMany(items) {
      for (const { key } of items) asks("release", key);
      return call(() => store.releaseMany!(items));
    },
    read: key => call(() => store.read(key)),
    settle: (...args) => call(() => store.settle(...args)),
    reopen: (...args) => call(() => store.reopen(...args)),
    forget: (...args) => call(() => store.forget(...args)),
    settled: (key, signal) =>
      new Promise(resolve => {
        store.settled?.(key, signal).then(
          () => trip(resolve),
          () => {},
        );
      }),
  };
}
