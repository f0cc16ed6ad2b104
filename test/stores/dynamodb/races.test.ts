import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import type { DynamodbStore } from "../../../src/dynamodb.ts";
import type { IdempotencyStore } from "../../../src/index.ts";
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
