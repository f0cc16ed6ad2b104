import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IdempotencyStore, Seen } from "../../../src/contract/store.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

describeWithRedis("a Redis store", url => {
  const prefix = `${randomUUID()}:`;
  let redis: Redis;
  let store: IdempotencyStore;
  let key: string;

  beforeAll(() => {
    redis = new Redis(url);
    store = redisStore(redis, { prefix });
  });
  afterAll(() => redis.disconnect());

  const claim = (token: string, more = {}) => store.claim(key, { token, ...TIMES, ...more });
  const seen = async (): Promise<Seen> => {
    const { runId, attempt } = (await store.read(key))!;
    return { runId, attempt };
  };
  /** Uncertain, as the claim of `a`. */
  const uncertain = async (more = {}) => {
    key = randomUUID();
    await claim("a", more);
    await store.renew(key, "a", 0);
  };
  const takeOver = () => claim("b", { rerun: true });

  describe("answers a claim", () => {
    it("with whether it took over, as often as it is repeated", async () => {
      await uncertain();
      const first = { status: "claimed", attempt: 2, runId: "a", takeover: true };
      for (let n = 0; n < 3; n += 1) expect(await takeOver()).toMatchObject(first);
      await store.renew(key, "b", 0);
      expect(await claim("b")).toMatchObject(first);
      await store.renew(key, "b", 0);
      expect(await claim("c", { rerun: true })).toMatchObject({ ...first, attempt: 3 });
    });

    it("with no takeover if the key was absent, or released by one that took over", async () => {
      await uncertain();
      const untouched = { runId: "a", takeover: false };
      for (let n = 0; n < 2; n += 1) expect(await claim("a")).toMatchObject({ ...untouched, attempt: 1 });
      await store.renew(key, "a", 0);
      await takeOver();
      await store.release(key, "b");
      for (let n = 0; n < 2; n += 1) expect(await claim("c")).toMatchObject({ ...untouched, attempt: 3 });
    });

    it.each([
      ["its own", undefined, "one", "one"],
      ["an earlier claim's", "one", undefined, "one"],
      ["none", undefined, undefined, undefined],
    ])("with the fingerprint that the key is held with: %s", async (_, first, then, held) => {
      await uncertain({ fingerprint: first });
      const request = { rerun: true, fingerprint: then };
      for (let n = 0; n < 2; n += 1)
        expect((await claim("b", request)) as object).toHaveProperty("fingerprint", held);
      await store.release(key, "b");
      expect((await claim("c", { fingerprint: then })) as object).toHaveProperty("fingerprint", held);
    });

    it("with the fingerprint of a first claim", async () => {
      key = randomUUID();
      for (let n = 0; n < 2; n += 1)
        expect(await claim("a", { fingerprint: "" })).toHaveProperty("fingerprint", "");
    });
  });

  it("does all that a holder may after a takeover, too", async () => {
    for (const act of ["renew", "complete", "release"]) {
      await uncertain();
      await takeOver();
      expect(await store.read(key)).toMatchObject({ status: "in-progress", attempt: 2, runId: "a" });
      expect(await store.complete(key, "a", "late", 60_000)).toBe(false);
      if (act === "renew") expect(await store.renew(key, "b", 5_000)).toBe(true);
      if (act === "complete") expect(await store.complete(key, "b", "sent", 60_000)).toBe(true);
      if (act === "release") expect(await store.release(key, "b")).toBe(true);
    }
  });

  // S11
  const OPERATIONS = {
    settle: (at?: Seen) => store.settle(key, "found", 60_000, at),
    forget: (at?: Seen) => store.forget(key, at),
  };

  describe.each(Object.entries(OPERATIONS))("%s of a claim that was seen", (name, act) => {
    const LATER: Record<string, () => unknown> = {
      "took it over": takeOver,
      "took it over and is uncertain": async () => {
        await takeOver();
        await store.renew(key, "b", 0);
      },
      "took it over and completed it": async () => {
        await takeOver();
        await store.complete(key, "b", "found", 60_000);
      },
      "came after it was forgotten": async () => {
        await store.forget(key);
        await claim("b");
        await store.renew(key, "b", 0);
      },
    };
    it.each(Object.entries(LATER))("changes nothing if another %s between", async (_, later) => {
      await uncertain();
      const at = await seen();
      await later();
      const before = await redis.get(prefix + key);
      expect(await act(at)).toBe(false);
      expect(await redis.get(prefix + key)).toBe(before);
    });

    it("is sent again and is true", async () => {
      await uncertain();
      const at = await seen();
      expect(await act(at)).toBe(true);
      const before = await redis.get(prefix + key);
      expect(await act(at)).toBe(true);
      expect(await redis.get(prefix + key)).toBe(before);
    });

    it("takes any text for a runId", async () => {
      for (const token of ["a b\n", "\ud800", "%20", "\0"]) {
        key = randomUUID();
        await claim(token);
        await store.renew(key, token, 0);
        expect(await act(await seen())).toBe(true);
      }
    });

    it(`acts on a takeover that was seen`, async () => {
      await uncertain();
      await takeOver();
      await store.renew(key, "b", 0);
      expect(await act({ runId: "a", attempt: 2 })).toBe(true);
      expect((await store.read(key))?.status).toBe(name === "settle" ? "completed" : undefined);
    });

    it("reports a record that it cannot read, and leaves it", async () => {
      key = randomUUID();
      await redis.set(prefix + key, "hello", "PX", 60_000);
      await expect(act({ runId: "a", attempt: 1 })).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
      expect(await redis.get(prefix + key)).toBe("hello");
    });
  });

  it("settles once: a second outcome is refused, and so is what the holder completed itself", async () => {
    await uncertain();
    const at = await seen();
    expect(await store.settle(key, "found", 60_000)).toBe(true);
    expect(await store.settle(key, "found", 60_000)).toBe(true);
    for (const other of ["found it", "foun", ""])
      expect(await store.settle(key, other, 60_000, at)).toBe(false);
    await uncertain();
    await store.complete(key, "a", "found", 60_000);
    expect(await store.settle(key, "found", 60_000, at)).toBe(false);
  });

  it("forgets a claim that was seen, whatever became of it since", async () => {
    for (const then of [() => store.release(key, "a"), () => store.complete(key, "a", "sent", 60_000)]) {
      await uncertain();
      const at = await seen();
      await then();
      expect(await store.forget(key, at)).toBe(true);
      expect(await store.read(key)).toBeUndefined();
    }
  });

  it("forgets what nobody can see any more: true with what was seen, false without", async () => {
    key = randomUUID();
    expect(await store.forget(key, { runId: "a", attempt: 1 })).toBe(true);
    expect(await store.forget(key)).toBe(false);
    expect(await store.settle(key, "found", 60_000, { runId: "a", attempt: 1 })).toBe(false);
  });

  it("wakes a waiter when a claim that was seen is forgotten", async () => {
    await uncertain();
    const { signal } = new AbortController();
    await store.settled!(key, signal);
    const woken = store.settled!(key, signal);
    await store.forget(key, await seen());
    await woken;
  });
});
