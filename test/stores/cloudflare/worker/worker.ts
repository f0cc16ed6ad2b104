import { createIdempotency, type IdempotencyStore } from "with-idempotency";
import { d1Store } from "with-idempotency/sqlite";
import { type Keys, keysStore } from "../../../../examples/cloudflare-worker/keys.ts";
import { conformance } from "../conformance.ts";
import type { Old, Tested } from "./objects.ts";
import { SCENARIOS } from "./scenarios.ts";

export { Keys } from "../../../../examples/cloudflare-worker/keys.ts";
export { Old, Tested } from "./objects.ts";

/** What the Worker is given. */
interface Env {
  DB: D1Database;
  TESTED: DurableObjectNamespace<Tested>;
  OLD: DurableObjectNamespace<Old>;
  KEYS: DurableObjectNamespace<Keys>;
}

type Answer = (env: Env, query: URLSearchParams) => Promise<unknown>;

const tested = ({ TESTED }: Env, name = "tested") => TESTED.get(TESTED.idFromName(name));
const key = (query: URLSearchParams) => query.get("key")!;

async function migrated({ DB }: Env, table: string): Promise<IdempotencyStore> {
  const store = d1Store(DB, { table });
  await store.migrate();
  return store;
}

/** A run that goes on until the Worker ends, and what becomes of its key. */
const D1_RUNS: Record<string, Answer> = {
  "/d1/run": async ({ DB }, query) => {
    const { execute } = createIdempotency({ store: d1Store(DB), lease: "1s" });
    return execute(key(query), "1m", () => new Promise(() => {}));
  },
  "/d1/state": async ({ DB }, query) => {
    const { inspect } = createIdempotency({ store: d1Store(DB) });
    return (await inspect(key(query)))?.state ?? null;
  },
  "/d1/attempt": async ({ DB }, query) => {
    const { execute } = createIdempotency({ store: d1Store(DB), onConflict: "reject" });
    const onUncertain = query.has("rerun") ? "rerun" : "reject";
    return execute(key(query), "1m", () => "ran", { onUncertain })
      .then(({ value, attempt, replayed }) => `${value} ${attempt}${replayed ? ", replayed" : ""}`)
      .catch(error => error.code);
  },
};

const OBJECTS: Record<string, Answer> = {
  "/object/run": (env, query) => tested(env).run(key(query)),
  "/object/finish": async (env, query) => (await tested(env).finish(Number(query.get("runs")))) ?? null,
  "/object/die": (env, query) =>
    tested(env)
      .dieIn(key(query), query.has("sends"))
      .catch(error => String(error)) as Promise<unknown>,
  "/object/state": async (env, query) => (await tested(env).state(key(query))) ?? null,
  "/object/attempt": (env, query) => tested(env).attempt(key(query), query.has("rerun")),
  "/object/delete-all": env => tested(env, "deleted").deleteAll(),
  "/object/purging": env => tested(env, "purging").purging(),
  "/object/batch-with-fault": env => tested(env, "fault").batchWithFault(),
  "/object/refused": async env => [
    ...(await tested(env).refused()),
    await env.OLD.get(env.OLD.idFromName("old")).refused(),
  ],
};

const ANSWERS: Record<string, Answer> = {
  ...D1_RUNS,
  ...OBJECTS,
  "/migrate": async env => (await migrated(env, "idempotency_keys")) && null,
  "/conformance/d1": env =>
    conformance({
      create: table => migrated(env, table),
      atOnce: 10,
      count: async table => (await env.DB.prepare(`SELECT key FROM ${table}`).all()).results.length,
    }),
  "/conformance/object": env => tested(env, "conformance").conformance(),
  "/conformance/objects-by-rpc": ({ KEYS }) => conformance({ create: () => keysStore(KEYS), atOnce: 30 }),
};

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const answer =
      ANSWERS[pathname] ?? (SCENARIOS[pathname] && (({ DB }: Env) => SCENARIOS[pathname]!(DB, searchParams)));
    if (answer === undefined) return new Response("no such answer", { status: 404 });
    return Response.json(await answer(env, searchParams));
  },
};
