import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { IdempotencyStore, Seen } from "../../../src/contract/store.ts";

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const RERUN = { ...LONG, rerun: true };

/** A store, and how a record of it is made one past its time. */
export interface SeenScene {
  store(): IdempotencyStore;
  expire(key: string): Promise<unknown> | unknown;
}

const newKey = () => `key-${randomUUID()}`;

/** Has the key claimed by "a" and held as uncertain, and answers which claim that was. */
async function uncertain(store: IdempotencyStore, key: string): Promise<Seen> {
  await store.claim(key, { token: "a", ...LONG, fingerprint: "f" });
  await store.renew(key, "a", 0);
  const { runId, attempt } = (await store.read(key))!;
  return { runId, attempt };
}

/** What a claim answers of a takeover (S2, S4), and how an operator's word meets a later claim (S11). */
export function itMindsTheClaim(scene: SeenScene): void {
  describe("a claim", () => {
    it("says whether it took an uncertain key over, and says so again (S2)", async () => {
      const [store, key] = [scene.store(), newKey()];
      const first = { status: "claimed", attempt: 1, runId: "a", takeover: false, fingerprint: "f" };
      expect(await store.claim(key, { token: "a", ...LONG, fingerprint: "f" })).toEqual(first);
      expect(await store.claim(key, { token: "a", ...RERUN })).toEqual(first);
      await store.renew(key, "a", 0);
      expect(await store.claim(key, { token: "a", ...RERUN })).toEqual(first);
      await store.renew(key, "a", 0);
      const second = { ...first, attempt: 2, takeover: true };
      expect(await store.claim(key, { token: "b", ...RERUN })).toEqual(second);
      expect(await store.claim(key, { token: "b", ...LONG })).toEqual(second);
      await store.renew(key, "b", 0);
      expect(await store.claim(key, { token: "b", ...LONG })).toEqual(second);
    });

    it("of a released key is none, though the run before it was one", async () => {
      const [store, key] = [scene.store(), newKey()];
      await uncertain(store, key);
      await store.claim(key, { token: "b", ...RERUN });
      await store.release(key, "b");
      const third = { status: "claimed", attempt: 3, takeover: false, fingerprint: "f" };
      expect(await store.claim(key, { token: "c", ...RERUN })).toMatchObject(third);
      await store.release(key, "c");
      const other = await store.claim(key, { token: "d", ...RERUN, fingerprint: "g" });
      expect(other).toEqual({ ...third, attempt: 1, runId: "d", fingerprint: "g" });
    });

    it("of an expired key is none", async () => {
      const [store, key] = [scene.store(), newKey()];
      await uncertain(store, key);
      await store.claim(key, { token: "b", ...RERUN });
      await scene.expire(key);
      const answer = await store.claim(key, { token: "b", ...RERUN });
      expect(answer).toMatchObject({ attempt: 1, runId: "b", takeover: false, fingerprint: undefined });
    });
  });

  describe("reopen of what was seen (S11)", () => {
    it("acts on that claim, and is true again while it is released", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      expect(await store.reopen(key, { ...seen, runId: "x" })).toBe(false);
      expect(await store.reopen(key, { ...seen, attempt: 2 })).toBe(false);
      expect(await store.reopen(key, seen)).toBe(true);
      const record = (await store.read(key))!;
      expect(record).toMatchObject({ status: "released", attempt: 1, fingerprint: "f" });
      expect(await store.reopen(key, seen)).toBe(true);
      expect((await store.read(key))!.expiresInMs).toBeLessThanOrEqual(record.expiresInMs);
      expect(await store.reopen(key)).toBe(false);
      await store.claim(key, { token: "b", ...LONG });
      await store.release(key, "b");
      expect(await store.reopen(key, seen)).toBe(false);
    });

    it("leaves a takeover and a later window alone", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      await store.claim(key, { token: "b", ...RERUN });
      await store.renew(key, "b", 0);
      expect(await store.reopen(key, seen)).toBe(false);
      await scene.expire(key);
      expect(await store.reopen(key, seen)).toBe(false);
      await store.claim(key, { token: "c", ...LONG });
      await store.renew(key, "c", 0);
      expect(await store.reopen(key, seen)).toBe(false);
      expect(await store.read(key)).toMatchObject({ status: "uncertain", runId: "c" });
    });
  });

  describe("settle of what was seen (S11)", () => {
    it("acts on that claim, and is true again with the same outcome alone", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      expect(await store.settle(key, "found", LONG.ttlMs, { ...seen, runId: "x" })).toBe(false);
      expect(await store.settle(key, "found", LONG.ttlMs, { ...seen, attempt: 2 })).toBe(false);
      expect(await store.settle(key, "found", LONG.ttlMs, seen)).toBe(true);
      const record = await store.read(key);
      expect(await store.settle(key, "found", 2 * LONG.ttlMs, seen)).toBe(true);
      expect((await store.read(key))!.expiresInMs).toBeLessThanOrEqual(record!.expiresInMs);
      expect(await store.settle(key, "other", LONG.ttlMs, seen)).toBe(false);
      expect(await store.settle(key, "found", LONG.ttlMs, { ...seen, attempt: 2 })).toBe(false);
      expect(await store.read(key)).toMatchObject({ status: "completed", outcome: "found" });
    });

    it("leaves a takeover between read and settle alone, also once its lease lapsed", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      await store.claim(key, { token: "b", ...RERUN });
      expect(await store.settle(key, "found", LONG.ttlMs, seen)).toBe(false);
      await store.renew(key, "b", 0);
      expect(await store.settle(key, "found", LONG.ttlMs, seen)).toBe(false);
      expect(await store.read(key)).toMatchObject({ status: "uncertain", attempt: 2 });
      expect(await store.complete(key, "b", "found", LONG.ttlMs)).toBe(true);
      // Completed by who held it, and not settled: with the same outcome too.
      expect(await store.settle(key, "found", LONG.ttlMs, { ...seen, attempt: 2 })).toBe(false);
    });

    it("leaves a later window alone", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      await scene.expire(key);
      expect(await store.settle(key, "found", LONG.ttlMs, seen)).toBe(false);
      await store.claim(key, { token: "b", ...LONG });
      await store.renew(key, "b", 0);
      expect(await store.settle(key, "found", LONG.ttlMs, seen)).toBe(false);
      expect(await store.read(key)).toMatchObject({ status: "uncertain", runId: "b" });
    });
  });

  describe("forget of what was seen (S11)", () => {
    it("removes that claim's record, and is true again", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      expect(await store.forget(key, seen)).toBe(true);
      expect(await store.read(key)).toBeUndefined();
      expect(await store.forget(key, seen)).toBe(true);
      expect(await store.forget(key)).toBe(false);
    });

    it("leaves a takeover and a later window between read and forget alone", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      await store.claim(key, { token: "b", ...RERUN });
      expect(await store.forget(key, seen)).toBe(false);
      expect(await store.forget(key, { runId: "a", attempt: 2 })).toBe(true);
      await store.claim(key, { token: "c", ...LONG });
      expect(await store.forget(key, seen)).toBe(false);
      expect(await store.read(key)).toMatchObject({ status: "in-progress", runId: "c" });
    });

    it("is true where the record has expired", async () => {
      const [store, key] = [scene.store(), newKey()];
      const seen = await uncertain(store, key);
      await scene.expire(key);
      expect(await store.forget(key, seen)).toBe(true);
    });
  });
}
