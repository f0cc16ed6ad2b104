import { afterAll, beforeAll, expect, inject, it } from "vitest";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import { dynamodbStore } from "../../../src/stores/dynamodb/store.ts";
import { manualClock, storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";
import { type Connected, dynamodb, newName } from "./clients.ts";

/** How the clocks of two processes stand to each other, and how far apart the store is told that they may be. */
interface Clocks {
  maxClockSkewMs: number;
  /** By how much the second process's clock is ahead of the first one's. */
  aheadMs: number;
}

const SETUP_MS = 60_000;
const AGREEING: Clocks = { maxClockSkewMs: 0, aheadMs: 0 };

/** The whole suite on stores of the client, two of which stand on one server, by a clock that the suite moves. */
export function dynamodbConforms(connect: (url: string) => Connected, clocks = AGREEING): void {
  const url = inject("dynamodbUrl");
  const probe = dynamodb(url);
  const clock = manualClock(Date.now());
  const tables = new Map<IdempotencyStore, string>();
  const shared = newName("conformance");
  const connected = [connect(url), connect(url)] as const;

  const create = (at: 0 | 1 = 0, table = shared) => {
    const { client, commands } = connected[at];
    const store = dynamodbStore(client, {
      table,
      commands,
      maxClockSkew: { milliseconds: clocks.maxClockSkewMs },
      clock: at === 0 ? clock.now : () => clock.now() + clocks.aheadMs,
      onWarning: () => {},
    });
    tables.set(store, table);
    return store;
  };

  beforeAll(() => create().createTable(), SETUP_MS);

  afterAll(async () => {
    for (const TableName of new Set(tables.values())) await probe.deleteTable({ TableName });
    for (const { end } of [...connected, { end: () => probe.destroy() }]) await end();
  }, SETUP_MS);

  const { cases, uncovered } = storeConformance({
    create: () => create(),
    second: store => create(1, tables.get(store)),
    advance: clock.advance,
    lists: true,
    cleanup: {
      async create() {
        const store = create(0, newName("cleanup"));
        await store.createTable();
        return store;
      },
      async count(store) {
        const { Count } = await probe.scan({ TableName: tables.get(store)!, ConsistentRead: true });
        return Count!;
      },
      purge: store => (store as ReturnType<typeof create>).purge(),
    },
  });

  // One after the other: the clock is all the cases'.
  itConforms(cases, 60_000, 1);

  it("is covered, but for what this store has not, and what no imitation of DynamoDB does", () => {
    const left = uncovered.filter(
      // Of no capacity that could fill up, no hints, and no batches with conditions.
      name => !(name.includes("full") || name.startsWith("settled") || name.startsWith("B6")),
    );
    // DynamoDB's time to live.
    expect(left).toEqual(["S10: records past their time are removed without a call, and only those"]);
  });
}
