import { createIdempotency, type IdempotencyEvent, memoryStore } from "with-idempotency";
import { faultyStore, manualClock } from "with-idempotency/testing";
import { until } from "./check.ts";
import { httpServer } from "./http-server.ts";
import { report } from "./suite.ts";

// At the top level, as an application would: where workerd allows neither timers nor random numbers.
const clock = manualClock();
const store = memoryStore({ clock: clock.now });
const joined: string[] = [];
const onEvent = ({ type, key }: IdempotencyEvent) => {
  if (type === "joined") joined.push(key);
};
const options = { lease: "1s", namespace: "mails", onEvent } as const;
const here = createIdempotency({ store, ...options });
/** What another isolate would be: it shares the records and no runs. */
const elsewhere = createIdempotency({ store: faultyStore(store), ...options });

const serveHttp = httpServer();

const finished = new Set<string>();
let runs = 0;

/** A run that goes on until it is told to finish. */
const run = (key: string, { execute } = here) =>
  execute(key, "1m", async () => {
    runs += 1;
    await until("it is told to finish", () => finished.has(key), 60_000);
    return runs;
  });

/** The worker's answers: all checks, or one step of the checks that need several requests. */
const ANSWERS: Record<string, (query: URLSearchParams, key: string) => Promise<unknown>> = {
  "/report": () => report(),
  "/run": (_, key) => run(key),
  "/run-elsewhere": (_, key) => run(key, elsewhere),
  // It answers without its call, which ends with the request that began it.
  "/forsake": async (_, key) => {
    void run(key);
    return "begun";
  },
  "/try": (_, key) => here.execute(key, "1m", () => "ran").catch(error => ({ code: error.code })),
  "/finish": async (_, key) => finished.add(key).size,
  "/inspect": async (_, key) => (await here.inspect(key)) ?? null,
  "/joined": async (_, key) => joined.filter(other => other === key).length,
  "/advance": async query => clock.advance(Number(query.get("ms"))) ?? null,
};

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith("/http/")) return serveHttp(request);
    const answer = ANSWERS[pathname];
    if (answer === undefined) return new Response("no such answer", { status: 404 });
    return Response.json(await answer(searchParams, searchParams.get("key") ?? ""));
  },
};
