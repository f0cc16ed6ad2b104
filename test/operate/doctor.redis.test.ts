import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { redisStore } from "../../src/redis.ts";
import { describeWithRedis } from "../support/servers/describe.ts";
import { inStep, type RedisServer, startRedis } from "../support/servers/redis.ts";
import { startRedisCluster } from "../support/servers/redis-cluster.ts";
import { command, linesOf } from "./command.ts";

const SERVER_MS = 60_000;

describeWithRedis("doctor on Redis", () => {
  let server: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis({ args: ["--appendonly", "yes"] });
    admin = new Redis(server.url);
  }, SERVER_MS);
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await admin.flushall();
    await admin.config("SET", "maxmemory", "0");
    await admin.config("SET", "maxmemory-policy", "noeviction");
    await admin.config("SET", "appendonly", "yes");
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const doctor = async (url = server.url, ...args: string[]) => {
    const ended = await command(["doctor", "--redis", url, ...args]);
    const findings = linesOf(ended);
    return { ...ended, findings, problems: findings.filter(({ status }) => status === "problem") };
  };
  const asUser = async (...rights: string[]) => {
    await admin.call("ACL", "SETUSER", "app", "reset", "on", ">hunter2", ...rights);
    return server.url.replace("//", "//app:hunter2@");
  };

  it("finds nothing to mend on a server as the guide asks for, and leaves nothing there", async () => {
    const { code, problems, findings } = await doctor();
    expect({ code, problems }).toEqual({ code: 0, problems: [] });
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      "version ok",
      "role ok",
      "eviction ok",
      "persistence ok",
      "clock ok",
      "rights ok",
      "waking ok",
      "keys ok",
    ]);
    expect(await admin.dbsize()).toBe(0);
  });

  it("shows a person what is wrong and how to mend it", async () => {
    await admin.config("SET", "appendonly", "no");
    const { code, out } = await command(["doctor", "--redis", server.url], { isTerminal: true });
    expect(code).toBe(1);
    expect(out).toMatch(/^✓ version: Redis \d/m);
    expect(out).toMatch(/^✗ persistence: no append-only file: .*\n {4}CONFIG SET appendonly yes/m);
    expect(out).toMatch(/^1 to fix$/m);
  });

  const EVICTING = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf";
  it.each([
    ["104857600", "a full server evicts keys"],
    ["0", "with a maxmemory, a full server will evict keys"],
  ])("finds a policy that evicts, with a maxmemory of %s", async (maxmemory, what) => {
    await admin.config("SET", "maxmemory", maxmemory);
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    const { code, problems } = await doctor();
    expect(code).toBe(1);
    expect(problems).toEqual([
      { check: "eviction", status: "problem", found: expect.stringContaining(what), mend: EVICTING },
    ]);
  });

  it("finds a server that keeps nothing over a restart", async () => {
    await admin.config("SET", "appendonly", "no");
    expect((await doctor()).problems).toMatchObject([{ check: "persistence" }]);
  });

  it.each([
    [3_600_000, "behind"],
    [-3_600_000, "ahead of"],
  ])("finds a clock that is an hour off ours: %d", async (offMs, where) => {
    const now = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => now() + offMs);
    expect((await doctor()).problems).toMatchObject([
      {
        check: "clock",
        found: expect.stringMatching(new RegExp(`(3600|3599)\\.\\d s ${where} this machine's`)),
      },
    ]);
  });

  const ALL = ["~*", "&*", "+@all"];
  it.each<[string, string[], string, string]>([
    ["scripts", [...ALL, "-eval", "-evalsha"], "rights", "+evalsha +eval"],
    ["its keys", ["~other:*", "&*", "+@all"], "rights", "the store's prefix"],
    ["publishing", [...ALL, "-publish"], "waking", "+publish"],
    ["subscribing", [...ALL, "-subscribe"], "waking", "+subscribe"],
    ["its channels", ["~*", "+@all"], "waking", "&idempotency:*"],
  ])("finds a user without the right to %s, by its own name", async (_, rights, check, mend) => {
    const { code, problems, out } = await doctor(await asUser(...rights));
    expect(code).toBe(1);
    expect(problems).toMatchObject([{ check, mend: expect.stringContaining(mend) }]);
    expect(out).not.toContain("hunter2");
  });

  it.each<[string, string]>([
    ["info", "server"],
    ["time", "clock"],
    ["scan", "keys"],
  ])("goes on without the right to %s, and says what it does not know", async (right, check) => {
    await admin.set("idempotency:a", "2h1 1000 =1 a  \n", "PX", 60_000);
    const { code, findings, problems } = await doctor(await asUser(...ALL, `-${right}`));
    expect({ code, problems }).toEqual({ code: 0, problems: [] });
    expect(findings).toContainEqual({
      check,
      status: "unknown",
      found: expect.stringContaining("NOPERM"),
      mend: expect.stringContaining(`+${right}`),
    });
  });

  it("finds keys of another version, and what is none of the store's", async () => {
    const { withIdempotency } = createIdempotency({ store: redisStore(admin) });
    await withIdempotency("mine", "1h", () => "sent");
    await admin.set("idempotency:list*", "x");
    await admin.set("other:1", "1h1 1000 =1 a  \n");
    expect((await doctor()).problems).toMatchObject([
      { check: "keys", found: expect.stringContaining("1 of 2 keys that begin with") },
    ]);
    await admin.del("idempotency:list*");
    await admin.lpush("idempotency:list", "x");
    expect((await doctor()).problems).toMatchObject([
      { found: expect.stringContaining("belong to something else") },
    ]);
    await admin.set("idempotency:old", "1h1 1000 =1 a  \n");
    expect((await doctor()).problems).toMatchObject([
      { check: "keys", found: expect.stringContaining("1 of 3 keys are of another version") },
    ]);
    await admin.set("none of these:", "x");
    expect((await doctor(server.url, "--prefix", "none*:")).problems).toEqual([]);
  });

  describe("with a replica", () => {
    let replica: RedisServer;
    beforeAll(async () => {
      replica = await startRedis({
        args: ["--appendonly", "yes", "--replicaof", server.host, `${server.port}`],
      });
      await inStep(server);
    }, SERVER_MS);
    afterAll(() => replica.stop());
    // What the tests before this one left is gone on the primary first, on the replica a moment later.
    beforeEach(() => admin.wait(1, SERVER_MS));

    it("finds that the address is a replica's", async () => {
      expect((await doctor(replica.url)).problems).toMatchObject([
        { check: "role", mend: "Give the address of the primary" },
      ]);
    });

    it("says on the primary how to have claims confirmed", async () => {
      const { code, findings } = await doctor();
      expect(code).toBe(0);
      expect(findings).toContainEqual({
        check: "replicas",
        status: "note",
        found: "1 in step",
        mend: expect.stringContaining("replicas: { count: 1"),
      });
    });
  });

  it(
    "looks at a cluster by any of its nodes",
    async () => {
      const cluster = await startRedisCluster();
      try {
        const { host, port } = cluster.nodes[0]!;
        const { findings } = await doctor(`redis://${host}:${port}`);
        expect(findings).toContainEqual({
          check: "rights",
          status: "ok",
          found: "keys can be claimed and settled",
        });
      } finally {
        await cluster.stop();
      }
    },
    SERVER_MS,
  );
});
