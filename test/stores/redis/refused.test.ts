import { createRequire } from "node:module";
import { join } from "node:path";
import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { createClient, createClientPool } from "redis";
import { createClient as createClient5 } from "redis5";
import { describe, expect, it, onTestFinished } from "vitest";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { unhandledDuring } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { ifObtainable, obtainPackage } from "../../support/servers/packages.ts";

const message = (client: unknown) => caught(() => redisStore(client as never), "INVALID_OPTION").message;
const EXPECTED =
  "client: expected a connected client of ioredis, iovalkey, node-redis, Valkey GLIDE or @upstash/redis; got ";

const ioredis = () => new Redis({ lazyConnect: true });
const upstash = () => new Upstash({ url: "http://127.0.0.1:1", token: "x", enableTelemetry: false });
// It has no types.
const { createClient: createClient3 } = createRequire(import.meta.url)("redis3");
const redis3 = () => {
  const client = createClient3({ port: 1, retry_strategy: () => undefined });
  client.on("error", () => {});
  return client;
};

describe("a redisStore refuses at once", () => {
  const CLIENTS: Record<string, { make(): unknown; what: string; advice: string }> = {
    "a pipeline of @upstash/redis": {
      make: () => upstash().pipeline(),
      what: "a pipeline",
      advice: "the client that it was created from",
    },
    "a transaction of @upstash/redis": {
      make: () => upstash().multi(),
      what: "a pipeline or transaction",
      advice: "the client that it was created from",
    },
    "redis 3": { make: redis3, what: "redis 3 or older", advice: "use redis 5 or later" },
    "node-redis' legacy client": {
      make: () => createClient().legacy(),
      what: "legacy mode",
      advice: "the client itself, not its legacy()",
    },
    "node-redis 5's legacy client": {
      make: () => createClient5().legacy(),
      what: "legacy mode",
      advice: "the client itself",
    },
    "ioredis' pipeline": {
      make: () => ioredis().pipeline(),
      what: "a pipeline",
      advice: "that it was created from",
    },
    "ioredis' transaction": {
      make: () => ioredis().multi(),
      what: "a pipeline or",
      advice: "that it was created from",
    },
    "node-redis' transaction": {
      make: () => createClient().multi(),
      what: "a pipeline or transaction",
      advice: "that it was created from",
    },
    "a pool's transaction": {
      make: () => createClientPool().multi(),
      what: "a pipeline or transaction",
      advice: "that it was created from",
    },
    "an ioredis client that monitors": {
      make: () => new Redis({ lazyConnect: true, monitor: true } as object),
      what: "subscriber or monitor mode",
      advice: "client.duplicate()",
    },
    "a promise of a client": {
      make: () => Promise.resolve(ioredis()),
      what: "a promise",
      advice: "await it first",
    },
    "a class instead of a client": { make: () => Redis, what: "a function", advice: "new Redis()" },
    "a test double with the methods' names": {
      make: () => ({ evalsha() {}, eval() {}, set() {}, get() {}, duplicate() {} }),
      what: "a test double",
      advice: "memoryStore() in tests",
    },
  };

  it.each(Object.entries(CLIENTS))("%s", (_, { make, what, advice }) => {
    const said = message(make());
    expect(said.startsWith(EXPECTED)).toBe(true);
    expect(said).toContain(what);
    expect(said).toContain(advice);
  });

  it.each([undefined, null, {}, new Map(), "redis://localhost", 6379, { get() {}, set() {} }])(
    "%j",
    value => {
      expect(message(value)).toMatch(/^client: expected .*; got .*: give what `new Redis\(\)` or/);
    },
  );

  it("a promise, and handles its rejection", async () => {
    const failed = () => message(Promise.reject(new Error("no server")));
    expect(await unhandledDuring(failed)).toEqual([]);
  });

  it("ioredis-mock", { timeout: 120_000 }, async () => {
    const folder = await ifObtainable("a store with ioredis-mock", obtainPackage("ioredis-mock@8.13.1"));
    if (folder === undefined) return;
    const Mock = createRequire(join(folder, "x.js"))("ioredis-mock");
    for (const client of [new Mock(), new Mock.Cluster([{}])])
      expect(message(client)).toContain("ioredis-mock");
  });
});

describeWithRedis("a redisStore on a server refuses", url => {
  it("a connection in subscriber mode, and takes one that shares its connection with messages", async () => {
    const shared = new Redis(url, { protocol: 3 });
    const taken = new Redis(url, { protocol: 2 });
    onTestFinished(() => {
      for (const redis of [shared, taken]) redis.disconnect();
    });
    for (const redis of [shared, taken]) await redis.subscribe("news");
    expect(message(taken)).toContain("subscriber or monitor mode");
    const claim = redisStore(shared, { prefix: "shared:" }).claim("k", {
      token: "a",
      ttlMs: 1_000,
      leaseMs: 1_000,
    });
    expect(await claim).toMatchObject({ status: "claimed" });
  });
});
