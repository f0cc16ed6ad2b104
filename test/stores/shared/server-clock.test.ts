import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createIdempotency,
  type Idempotency,
  type IdempotencyStore,
  type Options,
} from "../../../src/index.ts";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { deferred, rejection } from "../../support/calls.ts";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { startPostgres } from "../../support/servers/postgres.ts";
import { startRedis } from "../../support/servers/redis.ts";
import { findFaketime, openServerClock } from "../../support/servers/server-clock.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const PATIENT = { timeout: 60_000 };

/** A server whose clock can be set ahead of the machine's or behind it, and two stores that share it as processes do. */
interface Shared {
  stores: IdempotencyStore[];
  set(aheadMs: number): Promise<void>;
  stop(): Promise<void>;
}

// Redis' allocator and what sets clocks bear no process together. All that Redis' clock means to the store is when
// keys expire, and when windows began: where it is set ahead, they are so much nearer to the one and after the other.
const SHIFT = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local begun = function(time) return string.format(' =%.0f ', time - ARGV[1]) end
  local text = string.gsub(redis.call('GET', key), ' =(%d+) ', begun, 1)
  redis.call('SET', key, text, 'KEEPTTL')
  redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1])
end`;

async function redis(): Promise<Shared> {
  const server = await startRedis();
  const clients = [new Redis(server.url), new Redis(server.url)];
  let now = 0;
  return {
    stores: clients.map(client => redisStore(client)),
    async set(aheadMs) {
      await clients[0]!.eval(SHIFT, 0, aheadMs - now);
      now = aheadMs;
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await server.stop();
    },
  };
}

async function postgres(faketime: string): Promise<Shared> {
  const clock = await openServerClock(faketime);
  const server = await startPostgres({ env: clock.env });
  const pools = [1, 2].map(() => new pg.Pool({ connectionString: server.url }));
  const stores = pools.map(pool => postgresStore(pool));
  await stores[0]!.migrate();
  return {
    stores,
    set: clock.set,
    async stop() {
      for (const pool of pools) await pool.end();
      await server.stop();
      await clock.remove();
    },
  };
}

const faketime = await ifObtainable("the PostgreSQL store when the server's clock is set", findFaketime());

describeWithRedis("Redis' clock", () => whenSet(redis));

describe.skipIf(faketime === undefined)("PostgreSQL's clock", () => whenSet(() => postgres(faketime!)));

function whenSet(start: () => Promise<Shared>): void {
  let shared: Shared;
  let [a, b]: Idempotency[] = [];
  let keys = 0;

  beforeAll(async () => {
    shared = await start();
    [a, b] = shared.stores.map(store => createIdempotency({ store, lease: "30s", onConflict: "reject" }));
  }, 60_000);

  afterEach(() => shared.set(0));

  afterAll(() => shared?.stop());

  /** A run in one process, begun and not ended. */
  async function running() {
    const key = `key ${keys++}`;
    const work = deferred();
    const begun = deferred();
    const outcome = a!.execute(key, "1m", () => {
      begun.resolve("");
      return work.promise;
    });
    await begun.promise;
    return { key, work, outcome };
  }

  it(
    "set ahead of a lease's end leaves the key uncertain, and its holder may still complete it",
    PATIENT,
    async () => {
      const { key, work, outcome } = await running();
      await shared.set(40 * SECOND);
      const refused = await rejection(b!.execute(key, "1m", () => "second"));
      expect(refused).toMatchObject({ code: "OUTCOME_UNKNOWN" });
      work.resolve("first");
      expect(await outcome).toMatchObject({ value: "first", persisted: true });
      expect(await b!.execute(key, "1m", () => "third")).toMatchObject({ value: "first", replayed: true });
    },
  );

  it(
    "set ahead of a window's end lets another run, and of the two only that one completes the key",
    PATIENT,
    async () => {
      const { key, work, outcome } = await running();
      await shared.set(HOUR);
      expect(await b!.execute(key, "1m", () => "second")).toMatchObject({
        value: "second",
        persisted: true,
      });
      work.resolve("first");
      expect(await outcome).toMatchObject({ value: "first", persisted: false });
      expect(await a!.execute(key, "1m", () => "third")).toMatchObject({ value: "second", replayed: true });
    },
  );

  it("set ahead of a completed key's window ends that early", PATIENT, async () => {
    const { key, work, outcome } = await running();
    work.resolve("first");
    await outcome;
    await shared.set(50 * SECOND);
    expect(await b!.execute(key, "1m", () => "second")).toMatchObject({ value: "first", replayed: true });
    await shared.set(70 * SECOND);
    expect(await b!.execute(key, "1m", () => "third")).toMatchObject({ value: "third", attempt: 1 });
  });

  it(
    "set back while a key is held lets nobody else run, and its window counts anew from its completion",
    PATIENT,
    async () => {
      const { key, work, outcome } = await running();
      await shared.set(-HOUR);
      const refused = await rejection(b!.execute(key, "1m", () => "second"));
      expect(refused).toMatchObject({ code: "IN_PROGRESS" });
      work.resolve("first");
      expect(await outcome).toMatchObject({ value: "first", persisted: true });
      const { expiresInMs } = (await shared.stores[1]!.read(key))!;
      expect(expiresInMs).toBeLessThanOrEqual(60 * SECOND);
      expect(await b!.execute(key, "1m", () => "third")).toMatchObject({ value: "first", replayed: true });
    },
  );

  describe("with rerunWithin", () => {
    const onUncertain = { rerunWithin: "1m" } as const;
    const onError: Options["onError"] = () => "hold";
    const rerun = (key: string) => b!.execute(key, "1h", () => "second", { onUncertain });

    /** A key that becomes uncertain in a window of an hour, once something else has happened. */
    async function uncertain(first = async () => {}) {
      const key = `key ${keys++}`;
      const fn = async () => {
        await first();
        throw new Error("cut off");
      };
      await rejection(a!.execute(key, "1h", fn, { onUncertain, onError }));
      return key;
    }

    it("set ahead of that leaves the key uncertain", PATIENT, async () => {
      const key = await uncertain();
      await shared.set(61 * SECOND);
      expect(await rejection(rerun(key))).toMatchObject({ code: "OUTCOME_UNKNOWN" });
      await shared.set(50 * SECOND);
      expect(await rerun(key)).toMatchObject({ value: "second", attempt: 2 });
    });

    it(
      "set back before the window began says nothing of its age: the key stays uncertain",
      PATIENT,
      async () => {
        const key = await uncertain(() => shared.set(-10 * SECOND));
        expect(await rejection(rerun(key))).toMatchObject({ code: "OUTCOME_UNKNOWN" });
      },
    );

    it.each([2 * HOUR, -2 * HOUR])(
      "decides, and not the claimant's, which is %i ms ahead",
      PATIENT,
      async ms => {
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
        const key = await uncertain();
        vi.useRealTimers();
        const { claimedAt } = (await shared.stores[0]!.read(key))!;
        expect(Math.abs(claimedAt - Date.now())).toBeLessThan(HOUR);
        expect(await rerun(key)).toMatchObject({ value: "second", attempt: 2 });
      },
    );
  });

  it("set back after a completion runs nothing again", PATIENT, async () => {
    const { key, work, outcome } = await running();
    work.resolve("first");
    await outcome;
    await shared.set(-HOUR);
    expect(await b!.execute(key, "1m", () => "second")).toMatchObject({ value: "first", replayed: true });
  });
}
