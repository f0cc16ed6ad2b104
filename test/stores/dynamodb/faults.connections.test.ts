import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, type Options } from "../../../src/index.ts";
import { recorder } from "../../support/calls.ts";
import { startProxy, type Proxy as TcpProxy } from "../../support/proxy.ts";
import { startDynalite } from "../../support/servers/dynamodb.ts";
import { dynamodb } from "./clients.ts";
import { failure, startFront } from "./front.ts";
import { dynamodbScene, LONG, newKey, RERUN, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
let proxy: TcpProxy;
let client: DynamoDB;
let key: string;

const through = (maxAttempts?: number) =>
  dynamodb(`http://127.0.0.1:${proxy.port}`, maxAttempts === undefined ? {} : { maxAttempts });

beforeEach(async () => {
  const { hostname, port } = new URL(scene.url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  client = through();
  key = newKey();
});

afterEach(async () => {
  await proxy.stop();
  client.destroy();
});

/** An instance on the client, a function that counts its runs, and what was heard. */
function setUp(options: Options = {}, by: DynamoDB = client) {
  const heard = recorder();
  const store = scene.store({}, by);
  const { execute } = createIdempotency({ store, onEvent: heard.onEvent, ...options });
  const fn = vi.fn(async () => "sent");
  return { store, heard, fn, call: () => execute(key, "1m", fn) };
}

const asks = (operation: string) => (request: Buffer) => request.includes(`.${operation}`);
const state = async () => (await scene.store().read(key))?.status;

/** A client that sends nothing again by itself, beside the usual one that does. */
describe.each([1, 3])("a connection that is cut before the reply, to a client of %i attempts", attempts => {
  let by: DynamoDB;
  beforeEach(() => {
    by = through(attempts);
  });
  afterEach(() => by.destroy());

  it("to the claim: the call knows its own token, and runs once", async () => {
    const { call, fn } = setUp({}, by);
    const isCut = proxy.cutBeforeReply(asks("PutItem"));
    expect(await call()).toMatchObject({ value: "sent", attempt: 1, persisted: true });
    await isCut;
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("to a takeover: the call knows its own token, and is one attempt", async () => {
    await scene.store().claim(key, { token: "a", ...LONG });
    await scene.store().renew(key, "a", 0);
    const { call, fn } = setUp({ onUncertain: "rerun" }, by);
    let puts = 0;
    const isCut = proxy.cutBeforeReply(request => asks("PutItem")(request) && ++puts === 2);
    expect(await call()).toMatchObject({ value: "sent", attempt: 2, persisted: true });
    await isCut;
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("to the completion: completing again is no error", async () => {
    const { call, fn, heard } = setUp({}, by);
    const isCut = proxy.cutBeforeReply(asks("UpdateItem"));
    expect(await call()).toMatchObject({ value: "sent" });
    await isCut;
    await vi.waitFor(async () => expect(await state()).toBe("completed"), { timeout: 10_000 });
    await sleep(300);
    expect(heard.types()).not.toContain("lease-lost");
    expect(await call()).toMatchObject({ value: "sent", replayed: true, persisted: true });
    expect(fn).toHaveBeenCalledTimes(1);
  });
});

describe("a request that the client sends again by itself after a lost reply", () => {
  const LEFT = { release: "released", settle: "completed", reopen: "released", forget: undefined };
  const act = {
    release: (store: IdempotencyStore) => store.release(key, "a"),
    settle: (store: IdempotencyStore) => store.settle(key, "found", 60_000, { runId: "a", attempt: 1 }),
    reopen: (store: IdempotencyStore) => store.reopen(key, { runId: "a", attempt: 1 }),
    forget: (store: IdempotencyStore) => store.forget(key),
  };

  it.each(["release", "settle", "reopen", "forget"] as const)("is answered yes: %s", async operation => {
    await scene.store().claim(key, { token: "a", ...LONG });
    await scene.store().renew(key, "a", 0);
    const isCut = proxy.cutBeforeReply(asks(operation === "forget" ? "DeleteItem" : "UpdateItem"));
    expect(await act[operation](scene.store({}, client))).toBe(true);
    await isCut;
    expect(await state()).toBe(LEFT[operation]);
  });

  it("leaves a claim that came meanwhile to its holder: release", async () => {
    await scene.store().claim(key, { token: "a", ...LONG });
    const isCut = proxy.cutBeforeReply(request => {
      const is = asks("UpdateItem")(request);
      if (is) proxy.refuse(true);
      return is;
    });
    const answer = scene.store({}, through(10)).release(key, "a");
    await isCut;
    await vi.waitFor(async () => expect(await state()).toBe("released"));
    await scene.store().claim(key, { token: "b", ...LONG });
    proxy.refuse(false);
    expect(await answer).toBe(false);
    expect(await scene.store().read(key)).toMatchObject({ status: "in-progress", attempt: 2 });
  });

  it("is a stranger's no as ever: a release of another's key", async () => {
    await scene.store().claim(key, { token: "b", ...LONG });
    const isCut = proxy.cutBeforeReply(asks("UpdateItem"));
    expect(await scene.store({}, client).release(key, "a")).toBe(false);
    await isCut;
    expect(await state()).toBe("in-progress");
  });
});

describe("a server that cannot be reached", () => {
  it("before the claim: the call fails closed", async () => {
    const { call, fn } = setUp();
    proxy.refuse(true);
    proxy.cut();
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("from within fn: the caller gets the value, and the completion is made up for", async () => {
    const { call, fn } = setUp();
    fn.mockImplementation(async () => {
      proxy.refuse(true);
      proxy.cut();
      return "sent";
    });
    expect(await call()).toMatchObject({ value: "sent", persisted: false });
    expect(await state()).toBe("in-progress");
    proxy.refuse(false);
    await vi.waitFor(async () => expect(await state()).toBe("completed"), { timeout: 10_000 });
  });

  it("from within an fn that fails: the caller gets its error", async () => {
    const { call, fn } = setUp();
    fn.mockImplementation(async () => {
      proxy.refuse(true);
      proxy.cut();
      throw new Error("no stock");
    });
    await expect(call()).rejects.toThrow("no stock");
    proxy.refuse(false);
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
  });

  it("because all vanishes: the call ends by its storeTimeout", async () => {
    const { call, fn } = setUp({ storeTimeout: "0.3s" });
    proxy.blackHole(true);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(fn).not.toHaveBeenCalled();
    proxy.blackHole(false);
  });

  it("because its process was killed: what it has written holds when it is back", async () => {
    const server = await startDynalite({ keeps: true });
    const own = dynamodb(server.url);
    const store = scene.store({}, own);
    try {
      await store.createTable();
      await store.claim(key, { token: "a", ...LONG });
      await server.restart();
      expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({ status: "in-progress" });
      expect(await store.complete(key, "a", "sent", LONG.ttlMs)).toBe(true);
    } finally {
      own.destroy();
      await server.stop();
    }
  });
});

describe("a slow connection", () => {
  it("on which a claim lands late: the key is freed", async () => {
    const { call, fn, heard, store } = setUp({ storeTimeout: "0.3s" });
    await store.read(key);
    proxy.delay(600);
    await expect(call()).rejects.toMatchObject({ code: "STORE_ERROR" });
    proxy.delay(0);
    await vi.waitFor(() => expect(heard.types()).toContain("late-claim"), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await state()).toBe("released"), { timeout: 10_000 });
    expect(fn).not.toHaveBeenCalled();
  });
});

describe("throttling", () => {
  /** Calls by a client whose every nth request of an operation is throttled. */
  async function throttled(isThrottled: (operation: string, nth: number) => boolean) {
    const front = await startFront(scene.url);
    const counts: Record<string, number> = {};
    front.onRequest = ({ operation }) => {
      counts[operation] = (counts[operation] ?? 0) + 1;
      return isThrottled(operation, counts[operation]!)
        ? failure("ProvisionedThroughputExceededException", "The level of configured throughput was exceeded")
        : undefined;
    };
    const by = dynamodb(front.url, { maxAttempts: 2 });
    const end = async () => {
      by.destroy();
      await front.stop();
    };
    return { ...setUp({}, by), end };
  }

  it("of each second request costs no call its answer", async () => {
    const { call, fn, end } = await throttled((_, nth) => nth % 2 === 1);
    expect(await call()).toMatchObject({ value: "sent", persisted: true });
    expect(await call()).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
    await end();
  });

  it("of all claims fails closed, and says so", async () => {
    const { call, fn, end } = await throttled(operation => operation === "PutItem");
    await expect(call()).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining("throttled dynamodb:PutItem"),
    });
    expect(fn).not.toHaveBeenCalled();
    await end();
  });

  it("of the completion for a while: the caller has its value, and it is stored later", async () => {
    const { call, end } = await throttled((operation, nth) => operation === "UpdateItem" && nth <= 3);
    expect(await call()).toMatchObject({ value: "sent", persisted: false });
    await vi.waitFor(async () => expect(await state()).toBe("completed"), { timeout: 15_000 });
    await end();
  });
});

describe("a client", () => {
  it("that its caller has destroyed is a store that fails or works, and never the end of the process", async () => {
    const { call, fn } = setUp();
    client.destroy();
    const ends = await Promise.allSettled([call()]);
    expect(["fulfilled", "rejected"]).toContain(ends[0]!.status);
    expect(fn.mock.calls.length).toBeLessThan(2);
  });

  it("with fewer sockets than calls serves them all", async () => {
    const narrow = scene.another({ requestHandler: { httpAgent: { maxSockets: 2 } } });
    const { execute } = createIdempotency({ store: scene.store({}, narrow) });
    const ends = await Promise.all(
      Array.from({ length: 200 }, (_, n) => execute([key, n % 50], "1m", async () => n % 50)),
    );
    expect(ends.filter(({ replayed }) => !replayed).length).toBe(50);
  });
});
