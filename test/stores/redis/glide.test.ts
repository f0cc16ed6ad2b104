import { randomUUID } from "node:crypto";
import {
  Batch,
  ClusterBatch,
  CompressionBackend,
  Decoder,
  type GlideClientConfiguration,
  GlideClusterClient,
  ProtocolVersion,
} from "@valkey/valkey-glide";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { certainlyNotDone, createIdempotency, interruptedInTransit } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { deferred } from "../../support/calls.ts";
import { caught } from "../../support/caught.ts";
import { startProxy } from "../../support/proxy.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { type RedisCluster, startRedisCluster } from "../../support/servers/redis-cluster.ts";
import { answersEverything } from "./answers.ts";
import { connectGlide } from "./clients.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };
const PATIENT = { timeout: 60_000 };

describeWithRedis("Valkey GLIDE", url => {
  const open = async (settings: Partial<GlideClientConfiguration> = {}, to = url) => {
    const { client, close } = await connectGlide(to, settings);
    onTestFinished(async () => void (await close()));
    return client;
  };
  const behindProxy = async (settings: Partial<GlideClientConfiguration> = {}) => {
    const { hostname: host, port } = new URL(url);
    const proxy = await startProxy({ host, port: Number(port) });
    const client = await open(settings, `redis://127.0.0.1:${proxy.port}`);
    onTestFinished(() => proxy.stop());
    return { proxy, client };
  };

  const compression = { enabled: true, minCompressionSize: 6, backend: CompressionBackend.LZ4 };
  const SETTINGS: Record<string, Partial<GlideClientConfiguration>> = {
    "bytes for texts": { defaultDecoder: Decoder.Bytes },
    "bytes for texts and RESP2": { defaultDecoder: Decoder.Bytes, protocol: ProtocolVersion.RESP2 },
    compression: { compression },
    "another database": { databaseId: 3 },
    "reads by replicas": { readFrom: "preferReplica" },
    "a connection made at its first command": { lazyConnect: true },
    "few commands in flight": { inflightRequestsLimit: 2 },
  };
  it.each(Object.entries(SETTINGS))("is read right with %s", PATIENT, async (_, settings) => {
    await answersEverything(await open(settings));
  });

  it("with compression reads what another client wrote, and the other way round", PATIENT, async () => {
    const prefix = `${randomUUID()}:`;
    const [plain, small] = [await open(), await open({ compression })].map(client =>
      redisStore(client, { prefix }),
    );
    const outcome = "x".repeat(10_000);
    for (const [key, one, other] of [
      ["a", plain, small],
      ["b", small, plain],
    ] as const) {
      await one!.claim(key, { token: "t", fingerprint: "f".repeat(100), ...TIMES });
      expect(await other!.complete(key, "t", outcome, 60_000)).toBe(true);
      expect(await one!.read(key)).toMatchObject({ outcome });
    }
  });

  it("keeps within the commands that a client takes at once, whatever the stores", PATIENT, async () => {
    const client = await open({ inflightRequestsLimit: 20 });
    const stores = [1, 2].map(() => redisStore(client, { prefix: `${randomUUID()}:` }));
    const claims = stores.flatMap(store =>
      Array.from({ length: 300 }, (_, n) => store.claim(`k${n}`, { token: "a", ...TIMES })),
    );
    for (const result of await Promise.all(claims)) expect(result.status).toBe("claimed");
  });

  it("is refused as a batch", () => {
    for (const batch of [new Batch(false), new ClusterBatch(true)]) {
      const { message } = caught(() => redisStore(batch as never), "INVALID_OPTION");
      expect(message).toContain("a pipeline or transaction: pass the client that it was created from");
    }
  });

  it("asks for replicas on the connection that claimed", PATIENT, async () => {
    const store = redisStore(await open(), { replicas: { count: 1, timeoutMs: 20 } });
    await expect(store.claim(randomUUID(), { token: "a", ...TIMES })).rejects.toThrow(
      "expected 1 to confirm",
    );
  });

  it(
    "says of a record of another type that it cannot be read, and what rights are missing",
    PATIENT,
    async () => {
      const client = await open();
      const [prefix, username] = [`${randomUUID()}:`, randomUUID()];
      await client.customCommand(["LPUSH", `${prefix}list`, "1"]);
      await expect(redisStore(client, { prefix }).read("list")).rejects.toMatchObject({
        code: "RESULT_UNAVAILABLE",
      });
      await client.customCommand([
        "ACL",
        "SETUSER",
        username,
        "on",
        ">p",
        "~*",
        "+info",
        "+client",
        "+hello",
        "+ping",
      ]);
      const poor = await open({ credentials: { username, password: "p" } });
      await expect(redisStore(poor).read("k")).rejects.toThrow("needs the rights +evalsha +eval");
    },
  );

  const isScript = (request: Buffer) => /eval/i.test(String(request));

  it("knows its claim again, and its completion, when the reply was lost", PATIENT, async () => {
    const { proxy, client } = await behindProxy();
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const { execute } = createIdempotency({ store });
    await execute("warm", "1m", () => "sent");
    const key = randomUUID();
    const claim = proxy.cutBeforeReply(isScript);
    let completion: Promise<void> | undefined;
    const outcome = await execute(key, "1m", () => {
      completion = proxy.cutBeforeReply(isScript);
      return "sent";
    });
    await Promise.all([claim, completion]);
    expect(outcome).toMatchObject({ value: "sent", attempt: 1, replayed: false });
    expect(await execute(key, "1m", () => expect.fail("ran"))).toMatchObject({
      value: "sent",
      replayed: true,
    });
  });

  it("fails in time when nobody answers, and runs nothing", PATIENT, async () => {
    const { proxy, client } = await behindProxy({ requestTimeout: 200 });
    const store = redisStore(client, { prefix: `${randomUUID()}:` });
    const { withIdempotency } = createIdempotency({ store });
    await withIdempotency("warm", "1m", () => "sent");
    proxy.dropReplies(true);
    const key = randomUUID();
    await expect(withIdempotency(key, "1m", () => expect.fail("ran"))).rejects.toMatchObject({
      code: "STORE_ERROR",
      cause: { name: "TimeoutError" },
    });
    proxy.dropReplies(false);
    // The claim that landed is released: the key is not stuck.
    const again = createIdempotency({ store: redisStore(await open(), { prefix: `${randomUUID()}:` }) });
    expect(await again.execute(key, "1m", () => "sent")).toMatchObject({ attempt: 1, value: "sent" });
  });

  // P2
  describe("as what fn calls", () => {
    it("may have done what a cut, a timeout or its own end interrupted", PATIENT, async () => {
      const { proxy, client } = await behindProxy({ requestTimeout: 200 });
      const cut = proxy.cutBeforeReply(request => String(request).includes("INCR"));
      const errors = [await client.incr(randomUUID()).catch(error => error)];
      await cut;
      proxy.blackHole(true);
      errors.push(await client.incr(randomUUID()).catch(error => error));
      const last = client.incr(randomUUID()).catch(error => error);
      client.close();
      errors.push(await last);
      expect(errors.map(({ name }) => name)).toEqual(["ConnectionError", "TimeoutError", "ClosingError"]);
      for (const error of errors) expect([error, interruptedInTransit(error)]).toEqual([error, true]);
      for (const error of errors) expect([error, certainlyNotDone(error)]).toEqual([error, false]);
    });

    it("has done nothing when it is closed, has no connection, or has too much to do", PATIENT, async () => {
      const closed = await open();
      closed.close();
      const busy = await open({ inflightRequestsLimit: 1 });
      const none = "redis://127.0.0.1:1";
      const lazy = await open({ lazyConnect: true }, none);
      const errors = await Promise.all([
        closed.incr("k").catch(error => error),
        connectGlide(none).catch(error => error),
        GlideClusterClient.createClient({ addresses: [{ host: "127.0.0.1", port: 1 }] }).catch(
          error => error,
        ),
        lazy.incr("k").catch(error => error),
        Promise.all(Array.from({ length: 20 }, () => busy.ping())).catch(error => error),
      ]);
      for (const error of errors)
        expect([String(error), interruptedInTransit(error), certainlyNotDone(error)]).toEqual([
          String(error),
          false,
          true,
        ]);
    });
  });

  describe("in a cluster of three masters", () => {
    let cluster: RedisCluster;
    let client: GlideClusterClient;

    beforeAll(async () => {
      cluster = await startRedisCluster();
      const addresses = [{ host: "127.0.0.1", port: cluster.nodes[0]!.port }];
      client = await GlideClusterClient.createClient({ addresses, requestTimeout: 2_000 });
    }, 90_000);

    afterAll(async () => {
      client.close();
      await cluster.stop();
    });

    it("refuses replicas", () => {
      const { message } = caught(
        () => redisStore(client, { replicas: { count: 1, timeoutMs: 20 } }),
        "INVALID_OPTION",
      );
      expect(message).toContain("a cluster's client");
    });

    it(
      "gets more keys at once than it takes, and wakes who waits on another connection",
      PATIENT,
      async () => {
        const store = redisStore(client, { prefix: `${randomUUID()}:` });
        const keys = Array.from({ length: 1_000 }, (_, n) => `k${n}`);
        const claims = () => store.claimMany!(keys.map(key => ({ key, request: { token: "a", ...TIMES } })));
        const answers = (await Promise.all([claims(), claims()])).flat();
        expect(new Set(answers.map(answer => "status" in answer && answer.status))).toEqual(
          new Set(["claimed"]),
        );
        const woken = deferred<void>();
        store.settled!("k1", new AbortController().signal).then(woken.resolve);
        await store.complete("k1", "a", "sent", 60_000);
        await woken.promise;
      },
    );

    it("fails to list when a master does not answer", PATIENT, async () => {
      const { list } = createIdempotency({ store: redisStore(client), storeTimeout: "3s" });
      const all = async () => {
        for await (const _ of list()) expect.fail("listed");
      };
      await all();
      await cluster.nodes[1]!.kill();
      await expect(all()).rejects.toMatchObject({ code: "STORE_ERROR" });
    });
  });
});
