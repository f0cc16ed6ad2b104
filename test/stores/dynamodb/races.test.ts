import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import type { DynamodbStore } from "../../../src/dynamodb.ts";
import type { IdempotencyStore } from "../../../src/index.ts";
import { manualClock } from "../../../src/testing.ts";
import { type Front, startFront } from "./front.ts";
import { dynamodbScene, LONG, newKey, RERUN, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
const SEEN = { runId: "a", attempt: 1 };
let front: Front;
let behind: DynamoDB;

beforeAll(async () => {
  front = await startFront(inject("dynamodbUrl"));
  behind = scene.another({ endpoint: front.url });
});

afterAll(() => front.stop());

beforeEach(() => {
  front.onRequest = () => undefined;
});

/** A key whose lease is over. */
async function uncertain(): Promise<string> {
  const key = newKey();
  await scene.store().claim(key, { token: "a", ...LONG });
  await scene.store().renew(key, "a", 0);
  return key;
}

/** A key that is claimed, and whose holder's clock the test moves. */
async function held() {
  const key = newKey();
  const time = manualClock(1_800_000_000_000);
  const options = { clock: time.now };
  await scene.store(options).claim(key, { token: "a", ...LONG });
  return { key, time, direct: scene.store(options), delayed: scene.store(options, behind) };
}

/** A store before whose nth request of that operation something happens. */
function interrupted(operation: string, act: () => unknown, nth = 1): DynamodbStore {
  let count = 0;
  front.onRequest = async asked => {
    if (asked.operation === operation && ++count === nth) await act();
    return undefined;
  };
  return scene.store({}, behind);
}

describe.each([true, false])(
  "of a server that returns the item with a failed condition: %s",
  returnsItems => {
    beforeEach(() => {
      front.returnsItems = returnsItems;
    });

    describe("a claim between whose requests another comes", () => {
      it("does not take over what another has taken over just before", async () => {
        const key = await uncertain();
        const rival = () => scene.store().claim(key, { token: "rival", ...RERUN });
        const store = interrupted("PutItem", rival, 2);
        expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
          status: "in-progress",
          attempt: 2,
        });
      });

      it("takes over what its rival has given up meanwhile, as the next attempt", async () => {
        const key = await uncertain();
        const rival = async () => {
          await scene.store().claim(key, { token: "rival", ...RERUN });
          await scene.store().renew(key, "rival", 0);
        };
        const store = interrupted("PutItem", rival, 2);
        expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
          attempt: 3,
          takeover: true,
        });
      });

      it("claims anew where the record is removed before it is taken over", async () => {
        const key = await uncertain();
        const store = interrupted("PutItem", () => scene.store().forget(key), 2);
        expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
          status: "claimed",
          attempt: 1,
          runId: "b",
        });
      });

      it("replays what was completed in between", async () => {
        const key = await uncertain();
        const store = interrupted("PutItem", () => scene.store().settle(key, "found", LONG.ttlMs), 2);
        expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
          status: "completed",
          outcome: "found",
        });
      });

      it("takes what its holder renewed just before for in progress", async () => {
        const key = await uncertain();
        const store = interrupted("PutItem", () => scene.store().renew(key, "a", LONG.leaseMs), 2);
        expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({
          status: "in-progress",
          attempt: 1,
        });
      });

      it("counts a released key on where another took and released it", async () => {
        const key = newKey();
        await scene.store().claim(key, { token: "a", ...LONG });
        await scene.store().release(key, "a");
        const rival = async () => {
          await scene.store().claim(key, { token: "rival", ...LONG });
          await scene.store().release(key, "rival");
        };
        const store = interrupted("PutItem", rival, 2);
        expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ attempt: 3, runId: "a" });
      });

      it("begins no other window by its token when it lands after the one that it began", async () => {
        const key = newKey();
        let time = Date.now();
        const clock = () => time;
        const pass = async () => {
          // Its first sending has landed, and the client sends it again after a lost reply.
          await scene.store({ clock }).claim(key, { token: "a", ...LONG });
          await scene.store({ clock }).complete(key, "a", "sent", LONG.ttlMs);
          time += LONG.ttlMs + 10_001;
        };
        interrupted("PutItem", pass);
        const late = await scene.store({ clock }, behind).claim(key, { token: "a", ...LONG });
        expect(late).toMatchObject({ status: "completed", outcome: "sent" });
        const next = await scene.store({ clock }).claim(key, { token: "b", ...LONG });
        expect(next).toMatchObject({ status: "claimed", attempt: 1, runId: "b" });
      });

      it("shortens no lease of its own token when it lands after a later claim and renewal (S2)", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("PutItem", async () => {
          time.advance(6_000);
          await direct.claim(key, { token: "a", ...LONG });
          for (const ms of [24_000, 15_000]) {
            time.advance(ms);
            expect(await direct.renew(key, "a", LONG.leaseMs)).toBe(true);
          }
        });
        const late = await delayed.claim(key, { token: "a", ...LONG });
        expect(late).toMatchObject({ status: "claimed", attempt: 1, takeover: false });
        expect(await direct.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
        const rival = await direct.claim(key, { token: "b", ...RERUN });
        expect(rival).toMatchObject({ status: "in-progress", attempt: 1 });
      });

      it("shortens no lease of its own token when it lands after a later claim alone (S2)", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("PutItem", async () => {
          time.advance(6_000);
          await direct.claim(key, { token: "a", ...LONG });
        });
        expect(await delayed.claim(key, { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
        expect(await direct.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
      });

      it("takes nothing off a window that it takes over when it lands late (P1)", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("PutItem", async () => {
          for (let beat = 0; beat < 10; beat++) {
            time.advance(20_000);
            await direct.renew(key, "a", LONG.leaseMs);
          }
          await direct.renew(key, "a", 0);
        });
        const late = await delayed.claim(key, { token: "b", ...RERUN });
        expect(late).toMatchObject({ status: "claimed", attempt: 2, takeover: true });
        expect(await direct.read(key)).toMatchObject({ status: "uncertain", expiresInMs: LONG.ttlMs });
        const { Item } = await scene.client.getItem({ TableName: scene.table, Key: { key: { S: key } } });
        expect(Number(Item?.["purge_at"]?.N) * 1_000).toBeGreaterThan(Number(Item?.["expires_at"]?.N));
        const next = await direct.claim(key, { token: "c", ...LONG });
        expect(next).toMatchObject({ status: "uncertain", attempt: 2 });
      });

      it("begins its lease anew where nothing later came (S2)", async () => {
        const { key, time, direct } = await held();
        time.advance(6_000);
        expect(await direct.claim(key, { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
        expect(await direct.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
      });

      it("gives up where it changes under each of a hundred tries", async () => {
        const key = await uncertain();
        let turns = 0;
        front.onRequest = async ({ operation }) => {
          if (operation !== "PutItem") return undefined;
          await scene.change(key, { expires_at: { N: `${Date.now() + 60_000 + ++turns}` } });
          return undefined;
        };
        await expect(scene.store({}, behind).claim(key, { token: "b", ...RERUN })).rejects.toThrow(
          "changed under each of 100 tries",
        );
      });
    });

    describe("an operator's word that meets a takeover (S11)", () => {
      const takeover = (key: string) => async () => {
        await scene.store().claim(key, { token: "b", ...RERUN });
        await scene.store().renew(key, "b", 0);
      };

      it.each([
        [
          "settle",
          "UpdateItem",
          (store: IdempotencyStore, key: string) => store.settle(key, "no", 60_000, SEEN),
        ],
        ["reopen", "UpdateItem", (store: IdempotencyStore, key: string) => store.reopen(key, SEEN)],
        ["forget", "DeleteItem", (store: IdempotencyStore, key: string) => store.forget(key, SEEN)],
      ] as const)("%s leaves the later claim alone", async (_, operation, act) => {
        const key = await uncertain();
        const store = interrupted(operation, takeover(key));
        expect(await act(store, key)).toBe(false);
        expect(await scene.store().read(key)).toMatchObject({ status: "uncertain", attempt: 2 });
      });
    });

    describe("a renewal that lands after a later one (S5)", () => {
      it("answers true, and shortens no lease and no window", async () => {
        const { key, time, direct, delayed } = await held();
        const short = { ttlMs: 1_000, leaseMs: 10_000 };
        await direct.release(key, "a");
        await direct.claim(key, { token: "c", ...short });
        interrupted("UpdateItem", async () => {
          for (let beat = 0; beat < 4; beat++) {
            time.advance(8_000);
            expect(await direct.renew(key, "c", short.leaseMs)).toBe(true);
          }
        });
        expect(await delayed.renew(key, "c", short.leaseMs)).toBe(true);
        expect(await direct.read(key)).toMatchObject({ leaseInMs: 10_000, expiresInMs: 11_000 });
        const rival = await direct.claim(key, { token: "b", ...RERUN });
        expect(rival).toMatchObject({ status: "in-progress", attempt: 2 });
        expect(await direct.complete(key, "c", "sent", LONG.ttlMs)).toBe(true);
      });

      it("begins no lease anew that its holder has ended since", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("UpdateItem", async () => {
          time.advance(1_000);
          expect(await direct.renew(key, "a", 0)).toBe(true);
        });
        expect(await delayed.renew(key, "a", LONG.leaseMs)).toBe(true);
        expect(await direct.read(key)).toMatchObject({ status: "uncertain" });
      });

      it("ends the lease all the same where its holder asks for that", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("UpdateItem", async () => {
          time.advance(1_000);
          await direct.renew(key, "a", LONG.leaseMs);
        });
        expect(await delayed.renew(key, "a", 0)).toBe(true);
        expect(await direct.read(key)).toMatchObject({ status: "uncertain" });
      });

      it("is refused where another has taken the key over since", async () => {
        const { key, time, direct, delayed } = await held();
        interrupted("UpdateItem", async () => {
          time.advance(1_000);
          await direct.renew(key, "a", 0);
          await direct.claim(key, { token: "b", ...RERUN });
        });
        expect(await delayed.renew(key, "a", LONG.leaseMs)).toBe(false);
        expect(await direct.read(key)).toMatchObject({ status: "in-progress", attempt: 2 });
      });

      it("extends a lease whose record does not say when it was asked for", async () => {
        const { key, time, direct } = await held();
        await scene.client.updateItem({
          TableName: scene.table,
          Key: { key: { S: key } },
          UpdateExpression: "REMOVE leased_at",
        });
        time.advance(1_000);
        expect(await direct.renew(key, "a", LONG.leaseMs)).toBe(true);
        expect(await direct.read(key)).toMatchObject({ leaseInMs: LONG.leaseMs });
      });
    });

    it("a completion that meets a takeover loses, and changes nothing", async () => {
      const key = await uncertain();
      const rival = () => scene.store().claim(key, { token: "b", ...RERUN });
      const store = interrupted("UpdateItem", rival);
      expect(await store.complete(key, "a", "late", LONG.ttlMs)).toBe(false);
      expect(await scene.store().read(key)).toMatchObject({ status: "in-progress", attempt: 2 });
    });

    it("a purge leaves what was claimed since it looked", async () => {
      const key = newKey();
      await scene.store().claim(key, { token: "a", ...LONG });
      await scene.change(key, { expires_at: { N: "1" } });
      const store = interrupted("DeleteItem", () => scene.store().claim(key, { token: "b", ...LONG }));
      await store.purge();
      expect(await scene.store().read(key)).toMatchObject({ attempt: 1, runId: "b" });
    });
  },
);
