import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { ClaimRequest } from "../../../src/contract/store.ts";
import type { PostgresClient } from "../../../src/stores/postgres/client.ts";
import { openPostgresStore, type PostgresStore } from "../../../src/stores/postgres/store.ts";
import { LONG, postgresScene } from "./scene.ts";

const PROPERTY_MS = 120_000;
// Shorter than what the ttl and the lease differ by.
const PASSING_MS = 15_000;
vi.setConfig({ testTimeout: PROPERTY_MS });

const STATES = [
  "absent",
  "in progress",
  "lapsed",
  "released",
  "completed",
  "completed with much",
  "expired",
  "expired and completed",
  "unreadable",
] as const;
type State = (typeof STATES)[number];

interface Asked {
  state: State;
  /** Of the record. */
  fingerprint: string | undefined;
  request: Pick<ClaimRequest, "token" | "fingerprint" | "rerun">;
  completesWith: string;
}

const fingerprint = fc.constantFrom(undefined, "one", "two");
const token = fc.constantFrom("holder", "other");
const asked: fc.Arbitrary<Asked> = fc.record({
  state: fc.constantFrom(...STATES),
  fingerprint,
  request: fc.record({ token, fingerprint, rerun: fc.boolean() }),
  completesWith: token,
});

const scene = postgresScene(() => inject("postgresUrl"));
// Many at once are one statement in the one, and a statement each in the other.
const ONE_EACH = { lanes: Number.POSITIVE_INFINITY, fewest: Number.POSITIVE_INFINITY };
const failures: unknown[] = [];
let joining: PostgresStore;
let single: PostgresStore;

beforeAll(() => {
  const watched: PostgresClient = {
    async query(each) {
      try {
        return await scene.pool.query(each);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    },
  };
  joining = openPostgresStore(watched, { table: scene.table });
  single = openPostgresStore(scene.pool, { table: scene.table }, ONE_EACH);
});

/** Brings a key into its state. */
async function prepare(key: string, { state, fingerprint }: Asked): Promise<void> {
  if (state === "absent") return;
  await single.claim(key, { token: "holder", ...LONG, ...(fingerprint !== undefined && { fingerprint }) });
  if (state === "released") await single.release(key, "holder");
  if (state.includes("completed")) {
    await single.complete(key, "holder", state.endsWith("much") ? "x".repeat(70_000) : "sent", LONG.ttlMs);
  }
  const change = { lapsed: "lease_until = 1", unreadable: "version = 9", expired: "expires_at = 1" };
  const [, set] = Object.entries(change).find(([word]) => state.startsWith(word)) ?? [];
  if (set !== undefined) await scene.probe.query(`UPDATE ${scene.table} SET ${set} WHERE key = $1`, [key]);
}

const outcomes = async (acts: PromiseLike<unknown>[]) =>
  (await Promise.allSettled(acts)).map(end => {
    if (end.status === "rejected") return { code: end.reason.code, message: end.reason.message };
    return end.value;
  });

/** Takes the times out of answers and records, which are like each other's but for the time that passed in between. */
function apartFromTimes(value: unknown): { rest: unknown; times: number[] } {
  const times: number[] = [];
  const text = JSON.stringify(value, (name, each) => {
    if (!/(?:Ms|_until|_at)$/.test(name) || each === undefined) return each;
    times.push(Number(each));
    return "a time";
  });
  return { rest: JSON.parse(text), times };
}

async function claimAndComplete(store: PostgresStore, prefix: string, items: readonly Asked[]) {
  const keys = items.map((_, n) => `${prefix}:${n}`);
  await Promise.all(items.map((each, n) => prepare(keys[n]!, each)));
  const claims = items.map(async ({ request }, n) => store.claim(keys[n]!, { ...LONG, ...request }));
  const claimed = await outcomes(claims);
  const completions = items.map(async (each, n) =>
    store.complete(keys[n]!, each.completesWith, `sent ${n}`, LONG.ttlMs),
  );
  const completed = await outcomes(completions);
  const { rows } = await scene.probe.query(
    `SELECT * FROM ${scene.table} WHERE key = ANY($1) ORDER BY key COLLATE "C"`,
    [keys],
  );
  return apartFromTimes({ claimed, completed, records: rows.map(({ key: _, ...row }) => row) });
}

describe("a joined statement", () => {
  it("answers and leaves what a statement each does, whatever the mix (S1 to S7)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 2, maxLength: 12 }), async items => {
        const joined = await claimAndComplete(joining, randomUUID(), items);
        const singly = await claimAndComplete(single, randomUUID(), items);
        expect(joined.rest).toEqual(singly.rest);
        for (const [n, time] of joined.times.entries()) {
          expect(Math.abs(time - singly.times[n]!)).toBeLessThan(PASSING_MS);
        }
      }),
      { numRuns: 150 },
    );
    // Otherwise each has gone alone.
    expect(failures).toEqual([]);
  });
});
