import { createIdempotency, type IdempotencyStore } from "with-idempotency";
import { type D1Answer, type D1Client, d1Store } from "with-idempotency/sqlite";
import { cutting, hooked, type Trip } from "./hooked.ts";

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const LOST = "D1_ERROR: Network connection lost.";

/** The code of what a call fails with, or what it gives. */
const codeOrValue = (call: Promise<unknown>) => call.catch(error => error.code ?? error.message);

/** Counts the round trips of each step, and the rows that it writes. */
async function trips(real: D1Client): Promise<Record<string, number[]>> {
  const made: Trip[] = [];
  let written = 0;
  const database = hooked(real, async trip => {
    made.push(trip);
    const answers = (await trip.send()) as (D1Answer & { meta: { rows_written: number } })[];
    written += answers.reduce((sum, { meta }) => sum + meta.rows_written, 0);
    return answers;
  });
  const store = d1Store(database);
  const counted: Record<string, number[]> = {};
  const count = async (name: string, act: () => unknown) => {
    [made.length, written] = [0, 0];
    await act();
    counted[name] = [made.length, written];
  };
  const { withIdempotency } = createIdempotency({ store });
  const claim = (key: string, token: string, more = {}) => store.claim(key, { token, ...LONG, ...more });

  // What is due is purged with the first claim.
  await claim("trips:before", "t");
  await count("a first call", () => withIdempotency("trips:1", "1m", () => "sent"));
  await count("a replay", () => withIdempotency("trips:1", "1m", () => "sent"));
  await count("a claim", () => claim("trips:2", "t"));
  await count("a claim in progress", () => claim("trips:2", "u"));
  await count("a renewal", () => store.renew("trips:2", "t", 1_000));
  await count("a release", () => store.release("trips:2", "t"));
  await count("a claim of a released key", () => claim("trips:2", "v"));
  await count("a hold", () => store.renew("trips:2", "v", 0));
  await count("a takeover", () => claim("trips:2", "w", { rerun: true }));
  await count("a forget", () => store.forget("trips:2"));
  await count("a read", () => store.read("trips:2"));
  const items = Array.from({ length: 250 }, (_, n) => ({ key: `trips:many:${n}`, token: `t${n}` }));
  const claims = items.map(({ key, token }) => ({ key, request: { token, ...LONG } }));
  await count("250 claims", () => store.claimMany!(claims));
  const ends = items.map(item => ({ ...item, outcome: "sent", ttlMs: 60_000 }));
  await count("250 completions", () => store.completeMany!(ends));
  await real
    .prepare("UPDATE idempotency_keys SET purge_at = 1, expires_at = 1 WHERE key = ?")
    .bind("trips:1")
    .all();
  await count("a purge of one", () => store.purge());
  return counted;
}

/** Calls whose database is cut at those trips, one after the other; and what another call finds then. */
async function cuts(real: D1Client, plan: readonly ("before" | "after" | "not")[]) {
  const key = `cut:${plan.join()}`;
  let runs = 0;
  const run = (database: D1Client) =>
    createIdempotency({ store: d1Store(database) }).execute(key, "1m", () => `run ${++runs}`);
  const first = await codeOrValue(run(cutting(real, LOST, plan)));
  const second = await codeOrValue(run(hooked(real, ({ send }) => send())));
  return { first, second, runs };
}

/** `fn` writes into the same database, and its connection breaks so. */
async function failingEffect(real: D1Client, message: string) {
  const { withIdempotency, inspect } = createIdempotency({ store: d1Store(real) });
  const key = `effect:${message}`;
  const effect = cutting(real, message, ["after", "not"]);
  const insert = () => effect.prepare("SELECT 1").bind().all();
  const first = await codeOrValue(withIdempotency(key, "1m", insert));
  return { first, state: (await inspect(key))?.state };
}

/** Has a key be uncertain, in its first attempt. */
async function abandon(store: IdempotencyStore, key: string): Promise<void> {
  await store.claim(key, { token: "gone", ...LONG });
  await store.renew(key, "gone", 0);
}

/**
 * Two clients claim one key that is `from` some state. The trips are held up at the door until both have come, and are let through in the order
 * that is given; the answers are held up until both are there.
 */
async function race(real: D1Client, order: readonly [number, number], from: string) {
  const key = `race:${from}:${order.join()}`;
  const rerun = from === "uncertain";
  if (rerun) await abandon(d1Store(real), key);
  if (from === "released") {
    await d1Store(real).claim(key, { token: "failed", ...LONG });
    await d1Store(real).release(key, "failed");
  }
  const arrived: (() => void)[] = [];
  const served: Promise<unknown>[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const serve = (n: number) => {
    arrived[n]!();
    return served[n];
  };
  const open = () => {
    for (const n of order) turn = turn.then(() => serve(n));
  };
  const client = (n: number) => {
    let isFirst = true;
    return hooked(real, async ({ send }) => {
      if (!isFirst) return send();
      isFirst = false;
      const answer = new Promise<D1Answer[]>(resolve => {
        arrived[n] = () => resolve(send());
      });
      served[n] = answer;
      if (Object.keys(arrived).length === 2) open();
      await answer;
      await turn;
      return answer;
    });
  };
  const claim = (n: number) => d1Store(client(n)).claim(key, { token: `t${n}`, rerun, ...LONG });
  return Promise.all([claim(0), claim(1)]);
}

/** Records past their time go along with a claim, as many as are due. */
async function purging(real: D1Client) {
  const store = d1Store(real, { table: "purged", purgeEvery: "1s" });
  await store.migrate();
  const count = async () => (await real.prepare("SELECT key FROM purged").bind().all()).results.length;
  const items = Array.from({ length: 150 }, (_, n) => ({ key: `${n}`, token: `t${n}` }));
  await store.claimMany!(
    items.map(({ key, token }) => ({ key, request: { token, ttlMs: 60_000, leaseMs: 30_000 } })),
  );
  // As if a day had passed.
  await real.prepare("UPDATE purged SET purge_at = 1, expires_at = 1").bind().all();
  const counts = [await count()];
  // A new isolate has purged nothing yet, and goes on with each claim while more are left.
  const another = d1Store(
    hooked(real, ({ send }) => send()),
    { table: "purged" },
  );
  for (const key of ["a", "b", "c"]) {
    await another.claim(key, { token: "t", ...LONG });
    counts.push(await count());
  }
  return counts;
}

/** The message of what is thrown. */
const refusal = (act: () => unknown) => {
  try {
    act();
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
};

async function refused(real: D1Database) {
  const store: IdempotencyStore = d1Store(real, { table: "never_made" });
  const { execute } = createIdempotency({ store });
  const missing = await execute("k", "1m", () => "ran").catch(
    error => `${error.code}: ${error.cause.message}`,
  );
  return { session: refusal(() => d1Store(real.withSession("first-unconstrained"))), missing };
}

/** A key that many Workers' versions have in common: what this one cannot read is never taken for absent. */
async function unreadable(real: D1Client) {
  const store = d1Store(real);
  await store.claim("unreadable", { token: "t", ...LONG });
  await real.prepare("UPDATE idempotency_keys SET version = 99 WHERE key = ?").bind("unreadable").all();
  const { withIdempotency } = createIdempotency({ store });
  return codeOrValue(withIdempotency("unreadable", "1m", () => "ran"));
}

/** What each path of the Worker does with its database. */
export const SCENARIOS: Record<string, (database: D1Database, query: URLSearchParams) => Promise<unknown>> = {
  "/trips": trips,
  "/cuts": (database, query) => cuts(database, query.get("plan")!.split(",") as "not"[]),
  "/effect": (database, query) => failingEffect(database, query.get("message")!),
  "/race": (database, query) =>
    race(database, query.get("order")!.split(",").map(Number) as [number, number], query.get("from")!),
  "/purging": purging,
  "/refused": refused,
  "/unreadable": unreadable,
};
