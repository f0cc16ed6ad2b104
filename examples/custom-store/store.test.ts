// Runs the whole conformance suite on the store: `NATS_URL=nats://127.0.0.1:4222 node --import tsx --test store.test.ts`.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import type { IdempotencyStore } from "with-idempotency";
import { storeConformance } from "with-idempotency/testing";
import { type NatsStore, natsStore } from "./store.ts";

const servers = process.env["NATS_URL"] ?? "nats://127.0.0.1:4222";
const [connection, another] = await Promise.all([connect({ servers }), connect({ servers })]);
const buckets = new Map<IdempotencyStore, string>();
const made = new Set<NatsStore>();

async function open(to = connection, bucket = `test-${randomUUID()}`): Promise<NatsStore> {
  const store = await natsStore(to, { bucket });
  buckets.set(store, bucket);
  made.add(store);
  return store;
}

// All cases share one bucket, but for those that count what is in it.
const shared = await open();

after(async () => {
  for (const store of made) store.close();
  for (const bucket of new Set(buckets.values())) await (await new Kvm(connection).open(bucket)).destroy();
  await Promise.all([connection.close(), another.close()]);
});

const { cases, uncovered } = storeConformance({
  create: () => shared,
  second: store => open(another, buckets.get(store)),
  advance: ms => sleep(ms),
  hints: true,
  lists: true,
  cleanup: {
    create: () => open(),
    async count(store) {
      const keys = await (await new Kvm(connection).open(buckets.get(store)!)).keys();
      let count = 0;
      for await (const key of keys) if (key !== "clock") count += 1;
      return count;
    },
    purge: store => (store as NatsStore).purge(),
  },
  timeScale: 3,
});

// They mostly wait for the server's clock, so all may do so at once.
describe("a store in NATS", { concurrency: true }, () => {
  for (const { name, run } of cases) it(name, run);
});

it("nothing is left out but what the store does not have: many at once, a full server, no purge", () => {
  const missing = uncovered.filter(name => !/B6|full|without/.test(name));
  assert.deepEqual(missing, []);
});
