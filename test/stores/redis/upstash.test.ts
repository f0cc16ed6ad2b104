import { randomUUID } from "node:crypto";
import { type RedisConfigNodejs, Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { createIdempotency, interruptedInTransit } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { rejection } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { answersEverything } from "./answers.ts";
import { connectUpstash } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 60_000 };
const SEEN = { runId: "a", attempt: 1 };

describeWithRedis("Upstash's client", url => {
  const open = async (settings: Partial<RedisConfigNodejs> = {}) => {
    const connected = await connectUpstash(url, { retry: { retries: 3, backoff: () => 1 }, ...settings });
    onTestFinished(async () => void (await connected.close()));
    return connected;
  };

  const SETTINGS: Record<string, Partial<RedisConfigNodejs>> = {
    "as it comes": {},
    "texts as they are": { automaticDeserialization: false },
    "a request for each command": { enableAutoPipelining: false },
    "a request for each command and texts as they are": {
      enableAutoPipelining: false,
      automaticDeserialization: false,
    },
    "answers that are not encoded": { responseEncoding: false },
    "reads that may be older": { readYourWrites: false },
    "no retries": { retry: false },
    "a signal for each request": { signal: () => new AbortController().signal },
  };

  describe.each(Object.entries(SETTINGS))("%s", (_, settings) => {
    it("is read right", PATIENT, async () => {
      await answersEverything((await open(settings)).client);
    });

    // S9
    it("has keys, tokens and outcomes to the letter", PATIENT, async () => {
      const store = redisStore((await open(settings)).client, { prefix: `${randomUUID()}:` });
      const texts = [
        "123",
        "1e400",
        '"x"',
        "null",
        "true",
        "[1]",
        '{"a":1}',
        "OK",
        "\ufeffx",
        "\ud800",
        '["2c1 0"]',
      ];
      for (const text of texts) {
        const claim = (token: string) => store.claim(text, { token, fingerprint: text, ...TIMES });
        expect(await claim(text)).toMatchObject({ status: "claimed", runId: text, fingerprint: text });
        expect(await store.complete(text, text, text, 60_000)).toBe(true);
        expect(await claim("b")).toMatchObject({ status: "completed", outcome: text, fingerprint: text });
        expect(await store.read(text)).toMatchObject({ outcome: text, runId: text });
      }
      const items = texts.map(key => ({ key, request: { token: "b", ...TIMES } }));
      const answers = await store.claimMany!(items);
      expect(answers.map(answer => "outcome" in answer && answer.outcome)).toEqual(texts);
      const keys: string[] = [];
      for await (const { key } of store.list!({ prefix: "", status: "completed" })) keys.push(key);
      expect(keys.sort()).toEqual([...texts].sort());
    });
  });

  it("never lists names that the client has changed", PATIENT, async () => {
    const prefix = `"${randomUUID()}`;
    const plain = redisStore((await open({ automaticDeserialization: false })).client, { prefix });
    const parsing = redisStore((await open()).client, { prefix });
    const keys = async (store: typeof plain) => {
      const found = [];
      for await (const { key } of store.list!({ prefix: "", status: "in-progress" })) found.push(key);
      return found;
    };
    await plain.claim("k", { token: "a", ...TIMES });
    expect([await keys(plain), await keys(parsing)]).toEqual([["k"], ["k"]]);
    await parsing.claim('"', { token: "a", ...TIMES });
    expect((await keys(plain)).sort()).toEqual(['"', "k"]);
    await expect(keys(parsing)).rejects.toThrow("automaticDeserialization: false");
  });

  // An aborted request is resolved with the reason, which the client reads as nothing, or as a text.
  describe.each([true, false])("whose signal has been aborted, with pipelining %j", enableAutoPipelining => {
    it.each([undefined, "1", 1, [""]])("has claimed nothing, for the reason %j", PATIENT, async reason => {
      const abort = new AbortController();
      const { client } = await open({ signal: abort.signal, enableAutoPipelining, responseEncoding: false });
      const store = redisStore(client, { prefix: `${randomUUID()}:` });
      await store.claim("k", { token: "a", ...TIMES });
      abort.abort(reason);
      const other = () => store.claim(randomUUID(), { token: "a", ...TIMES });
      for (const act of [
        other,
        () => store.read("k"),
        () => store.renew("k", "a", 0),
        () => store.forget("k"),
      ])
        await expect(act()).rejects.toThrow(Error);
      const { withIdempotency } = createIdempotency({ store });
      const call = withIdempotency(randomUUID(), "1m", () => expect.fail("ran"));
      await expect(call).rejects.toMatchObject({ code: "STORE_ERROR" });
    });
  });

  it.each(["force-cache", "default", "only-if-cached"] as const)("is refused with the cache %j", cache => {
    const client = new Upstash({ url: "http://127.0.0.1:1", token: "x", enableTelemetry: false, cache });
    expect(caught(() => redisStore(client), "INVALID_OPTION").message).toContain('cache: "no-store"');
  });

  it("is refused with replicas", () => {
    const client = new Upstash({ url: "http://127.0.0.1:1", token: "x", enableTelemetry: false });
    const { message } = caught(
      () => redisStore(client, { replicas: { count: 1, timeoutMs: 20 } }),
      "INVALID_OPTION",
    );
    expect(message).toContain("a client that speaks HTTP");
  });

  it("makes one request of what a turn asks, and none that is too large", PATIENT, async () => {
    const { client, endpoint } = await open();
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const { execute, executeMany } = createIdempotency({ store });
    await execute("warm", "1m", () => "sent");
    await executeMany(["warm 2"], { key: item => item, ttl: "1m" }, items => [...items]);
    await executeMany(["warm 2"], { key: item => item, ttl: "1m" }, items => [...items]);
    const count = async (act: () => Promise<unknown>) => {
      const before = endpoint.requests.length;
      await act();
      return endpoint.requests.length - before;
    };
    const all = () => Promise.all(Array.from({ length: 64 }, (_, n) => execute(`k${n}`, "1m", () => "sent")));
    expect(await count(all)).toBeLessThan(10);
    const items = Array.from({ length: 90 }, (_, n) => `l${n}`);
    const many = () => executeMany(items, { key: item => item, ttl: "1m" }, found => [...found]);
    expect([await count(many), await count(many)]).toEqual([2, 1]);
    const big = "x".repeat(2 ** 18);
    await Promise.all(Array.from({ length: 20 }, (_, n) => execute(`m${n}`, "1m", () => big)));
    const sizes = endpoint.requests.map(commands => JSON.stringify(commands).length);
    expect(Math.max(...sizes)).toBeLessThan(1.2 * 2 ** 20);
  });

  // What is weighed, in bytes; JSON's quotes and escapes come on top.
  const isBelow = (requests: readonly unknown[]) =>
    Math.max(...requests.map(commands => Buffer.byteLength(JSON.stringify(commands)))) < 1.2 * 2 ** 20;

  it("makes no request that is too large while the server knows no script yet", PATIENT, async () => {
    const { client, endpoint } = await open();
    const { execute } = createIdempotency({ store: redisStore(client, { prefix: `${randomUUID()}:` }) });
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => execute(`k${n}`, "1m", () => "sent")));
    expect(isBelow(endpoint.requests)).toBe(true);
  });

  it("makes no request that is too large of characters of several bytes", PATIENT, async () => {
    const { client, endpoint } = await open();
    const { execute } = createIdempotency({ store: redisStore(client, { prefix: `${randomUUID()}:` }) });
    await execute("warm", "1m", () => "sent");
    const big = "語".repeat(2 ** 18);
    await Promise.all(Array.from({ length: 8 }, (_, n) => execute(`k${n}`, "1m", () => big)));
    expect(isBelow(endpoint.requests)).toBe(true);
  });

  const isScript = (commands: (string | number)[][]) => commands.some(([name]) => /^eval/.test(`${name}`));

  it("knows a claim and a completion again that it sent twice", PATIENT, async () => {
    const { client, endpoint } = await open();
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const { execute } = createIdempotency({ store });
    await execute("warm", "1m", () => "sent");
    endpoint.cutBeforeReply(isScript);
    const outcome = await execute("k", "1m", () => {
      endpoint.cutBeforeReply(isScript);
      return "sent";
    });
    expect(outcome).toMatchObject({ value: "sent", attempt: 1, replayed: false, persisted: true });
    expect(await execute("k", "1m", () => expect.fail("ran"))).toMatchObject({ replayed: true });
  });

  // S11
  it.each(["settle", "reopen", "forget"] as const)(
    "is true when it sent it twice: %s",
    PATIENT,
    async name => {
      const { client, endpoint } = await open();
      const store = redisStore(client, { prefix: `${randomUUID()}:` });
      const act = {
        settle: () => store.settle("k", "found", 60_000, SEEN),
        reopen: () => store.reopen("k", SEEN),
        forget: () => store.forget("k", SEEN),
      };
      await act[name]();
      await store.claim("k", { token: "a", ...TIMES });
      await store.renew("k", "a", 0);
      endpoint.cutBeforeReply(isScript);
      expect(await act[name]()).toBe(true);
      expect((await store.read("k"))?.status).toBe(
        { settle: "completed", reopen: "released", forget: undefined }[name],
      );
    },
  );

  it("runs the scripts anew that the server has forgotten", PATIENT, async () => {
    const { client } = await open();
    const { execute } = createIdempotency({ store: redisStore(client, { prefix: `${randomUUID()}:` }) });
    await execute("warm", "1m", () => "sent");
    const redis = new Redis(url);
    onTestFinished(() => redis.disconnect());
    await redis.script("FLUSH");
    expect(await execute("k", "1m", () => "sent")).toMatchObject({ persisted: true });
  });

  it("fails with what the server or a gateway said, and never with a result", PATIENT, async () => {
    for (const enableAutoPipelining of [true, false]) {
      const { client, endpoint } = await open({ enableAutoPipelining });
      const prefix = `${randomUUID()}:`;
      const store = redisStore(client, { prefix });
      const redis = new Redis(url);
      onTestFinished(() => redis.disconnect());
      await redis.lpush(`${prefix}list`, "1");
      await expect(store.read("list")).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
      await expect(store.complete("k", "a", "SECRET", -1)).resolves.toBe(false);
      await store.claim("k", { token: "a", ...TIMES });
      const error = (await rejection(
        store.complete("k", "a", "SECRET", Number.NaN) as Promise<boolean>,
      )) as Error;
      expect(error.message).toMatch(/^ERR /);
      expect(`${error.stack} ${error.cause}`).not.toContain("SECRET");
      endpoint.failWith(502);
      const { withIdempotency } = createIdempotency({ store });
      const call = withIdempotency(randomUUID(), "1m", () => expect.fail("ran"));
      await expect(call).rejects.toMatchObject({ code: "STORE_ERROR" });
      // P2: where fn calls it.
      expect(interruptedInTransit(await client.incr("n").catch(error => error))).toBe(true);
    }
  });

  it("with another token is told so", PATIENT, async () => {
    const { endpoint } = await open();
    const client = new Upstash({ url: endpoint.url, token: "other", enableTelemetry: false });
    await expect(redisStore(client).read("k")).rejects.toThrow(/^WRONGPASS invalid or missing auth token$/);
  });

  it("ends by storeTimeout when nobody answers", PATIENT, async () => {
    const { client, endpoint } = await open();
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const silent = endpoint.silence();
    const { withIdempotency } = createIdempotency({ store, storeTimeout: { milliseconds: 300 } });
    const call = withIdempotency(randomUUID(), "1m", () => expect.fail("ran"));
    await expect(call).rejects.toMatchObject({ code: "STORE_ERROR" });
    await silent;
  });
});
