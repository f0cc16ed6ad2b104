import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, isIdempotencyError } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

describeWithRedis("a record in Redis", url => {
  const prefix = `${randomUUID()}:`;
  let redis: Redis;
  let store: IdempotencyStore;

  beforeAll(() => {
    redis = new Redis(url);
    store = redisStore(redis, { prefix });
  });
  afterAll(() => redis.disconnect());
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const put = (key: string, text: string) => redis.set(prefix + key, text, "PX", 60_000);
  const claim = (key: string, token = "a") => store.claim(key, { token, ...TIMES });

  const OPERATIONS: Record<string, (key: string) => unknown> = {
    claim: key => claim(key),
    read: key => store.read(key),
    renew: key => store.renew(key, "a", 1_000),
    hold: key => store.renew(key, "a", 0),
    complete: key => store.complete(key, "a", "sent", 1_000),
    release: key => store.release(key, "a"),
    settle: key => store.settle(key, "found", 1_000),
    reopen: key => store.reopen(key),
  };

  const UNREADABLE: Record<string, { put(key: string): Promise<unknown>; says: string }> = {
    foreign: { put: key => put(key, "hello"), says: "not of this package's form" },
    empty: { put: key => put(key, ""), says: "not of this package's form" },
    JSON: {
      put: key => put(key, '{"__proto__":{"status":"completed"}}'),
      says: "not of this package's form",
    },
    newer: {
      put: key => put(key, "3h1 60000 0 a  \n"),
      says: "its version is 3, and this package knows version 2",
    },
    older: { put: key => put(key, "1c1 4 a  \nsent"), says: "its version is 1" },
    "without a first line": { put: key => put(key, "2c1 4 0 a  "), says: "cut short" },
    "with an unknown state": { put: key => put(key, "2x1 60000 0 a  \n"), says: "cut short" },
    "whose outcome is cut short": { put: key => put(key, "2c1 4 0 a  \nsen"), says: "cut short" },
    "without a time": { put: key => put(key, "2c1 4 a  \nsent"), says: "cut short" },
    "whose outcome is longer": { put: key => put(key, "2c1 4 0 a  \nsent!"), says: "cut short" },
    "of binary": {
      put: key => redis.set(prefix + key, Buffer.from([0xff, 0, 0xfe]), "PX", 60_000),
      says: "not of this",
    },
    "of another type": { put: key => redis.hset(prefix + key, "field", "value"), says: "it is no string" },
  };

  describe.each(Object.entries(UNREADABLE))("that is %s", (what, { put, says }) => {
    it.each(Object.entries(OPERATIONS))("is reported by %s, and stays", async (operation, operate) => {
      const key = `${what}-${operation}`;
      await put(key);
      const before = await redis.dump(prefix + key);
      const error = await Promise.resolve(operate(key)).catch(error => error);
      expect(isIdempotencyError(error, "RESULT_UNAVAILABLE")).toBe(true);
      expect((error as Error).message).toContain(says);
      expect(await redis.dump(prefix + key)).toEqual(before);
    });

    it("is removed by forget", async () => {
      const key = `${what}-forget`;
      await put(key);
      expect(await store.forget(key)).toBe(true);
      expect(await redis.exists(prefix + key)).toBe(0);
      expect(await claim(key)).toMatchObject({ status: "claimed", attempt: 1 });
    });
  });

  it("that never expires is reported by a claim and a read where it is held", async () => {
    await claim("persisted");
    await redis.persist(`${prefix}persisted`);
    for (const act of [() => claim("persisted", "b"), () => store.read("persisted")]) {
      await expect(act()).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
    }
  });

  it("that never expires is replayed where it is a result, and reported by a read", async () => {
    await claim("kept");
    await store.complete("kept", "a", "sent", 60_000);
    await redis.persist(`${prefix}kept`);
    expect(await claim("kept", "b")).toMatchObject({ status: "completed", outcome: "sent" });
    await expect(store.read("kept")).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
  });

  it("that is unreadable lets nothing run", async () => {
    await put("engine", "hello");
    let runs = 0;
    const call = createIdempotency({ store }).withIdempotency("engine", "1m", () => ++runs);
    await expect(call).rejects.toThrow("not of this package's form");
    expect(runs).toBe(0);
  });

  it.each(["a token\twith \nwhite space", "\u00a0", "%20", "\ud800", "__proto__", "a:b ", "\0"])(
    "takes %j for a token, a runId and a fingerprint",
    async text => {
      const key = `words-${text}`;
      const request = { token: text, fingerprint: text, ...TIMES };
      const claimed = { status: "claimed", runId: text, takeover: false, fingerprint: text };
      expect(await store.claim(key, request)).toEqual({ ...claimed, attempt: 1 });
      expect(await store.read(key)).toMatchObject({ runId: text, fingerprint: text, status: "in-progress" });
      await store.release(key, text);
      expect(await store.claim(key, { ...request, token: "b" })).toEqual({ ...claimed, attempt: 2 });
    },
  );

  it.each([-1, -86_400_000.5, 0, 0.5, 1_700_000_000_000.25, Number.NaN])(
    "is read again whose claimant's clock said %d",
    async now => {
      vi.spyOn(Date, "now").mockReturnValue(now);
      const [key, other] = [`clock ${now}`, `other clock ${now}`];
      expect(await claim(key)).toMatchObject({ status: "claimed" });
      await store.claimMany!([{ key: other, request: { token: "a", ...TIMES } }]);
      for (const each of [key, other]) {
        expect(await claim(each, "b")).toMatchObject({ status: "in-progress" });
        expect((await store.read(each))?.claimedAt).toBe(now > 0 ? Math.trunc(now) : 0);
        expect(await store.complete(each, "a", "sent", 60_000)).toBe(true);
        expect(await claim(each, "b")).toMatchObject({ status: "completed", outcome: "sent" });
      }
    },
  );

  it("keeps an empty fingerprint apart from none", async () => {
    await store.claim("empty-print", { token: "a", fingerprint: "", ...TIMES });
    expect((await store.read("empty-print"))?.fingerprint).toBe("");
  });

  it("has keys of 10 MB apart, and outcomes of 5 MiB", { timeout: 60_000 }, async () => {
    const long = "k".repeat(10_000_000);
    const outcome = "€".repeat(5 * 2 ** 20);
    await claim(`${long}1`);
    expect(await store.complete(`${long}1`, "a", outcome, 60_000)).toBe(true);
    expect(await store.read(`${long}2`)).toBeUndefined();
    expect((await store.read(`${long}1`))?.outcome === outcome).toBe(true);
    expect(await store.forget(`${long}1`)).toBe(true);
  });

  it("pollutes no prototype", async () => {
    await claim("__proto__");
    await store.complete("__proto__", "a", '{"__proto__":{"polluted":1}}', 60_000);
    expect((await store.read("__proto__"))?.outcome).toBe('{"__proto__":{"polluted":1}}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("takes at most 1.3 times the memory of the same outcome alone", async () => {
    const instance = createIdempotency({ store });
    const receipt = { messageId: "<1@mail.example>", accepted: true, recipients: 1 };
    await instance.withIdempotency("order-shipped:1", "24h", () => receipt);
    const outcome = (await store.read("order-shipped:1"))!.outcome!;
    await redis.set(`${prefix}order-shipped:2`, outcome, "PX", 86_400_000);
    const bytes = async (key: string) => Number(await redis.memory("USAGE", prefix + key));
    expect((await bytes("order-shipped:1")) / (await bytes("order-shipped:2"))).toBeLessThanOrEqual(1.3);
  });
});
