import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";
import { storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";
import type { Connected } from "./clients.ts";

const CASE_MS = 30_000;

/** The whole suite on stores of the client, two of which are given the first of the servers. */
export function redisConforms(
  connect: (url: string) => Promise<Connected>,
  urls: () => string[],
  { timeScale = 2, hints = true }: { timeScale?: number; hints?: boolean } = {},
): void {
  const prefixes = new Map<IdempotencyStore, string>();
  let connected: Connected[];
  let probes: Redis[];

  beforeAll(async () => {
    const [url = ""] = urls();
    connected = await Promise.all([connect(url), connect(url)]);
    probes = urls().map(each => new Redis(each));
  }, CASE_MS);

  afterAll(async () => {
    await Promise.all(connected.map(({ close }) => close()));
    for (const probe of probes) probe.disconnect();
  });

  const create = (client = 0, prefix = `${randomUUID()}:`) => {
    const store = redisStore(connected[client]!.client, { prefix });
    prefixes.set(store, prefix);
    return store;
  };
  const { cases, uncovered } = storeConformance({
    create,
    second: store => create(1, prefixes.get(store)),
    advance: ms => sleep(ms),
    hints,
    lists: true,
    many: true,
    cleanup: {
      create,
      count: async store => {
        const keys = await Promise.all(probes.map(probe => probe.keys(`*${prefixes.get(store)}*`)));
        return keys.flat().length;
      },
      withinMs: 3_000,
    },
    timeScale,
  });

  itConforms(cases);

  it("is covered, but for a server that is full, which has tests of its own", () => {
    const other = hints ? /full|purge/ : /full|purge|settled/;
    expect(uncovered.filter(name => !other.test(name))).toEqual([]);
  });
}
