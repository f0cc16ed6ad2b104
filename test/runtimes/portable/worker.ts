import { createIdempotency, memoryStore } from "with-idempotency";
import { report } from "./suite.ts";

// At the top level, as an application would: where workerd allows neither timers nor random numbers.
const store = memoryStore();
const { execute, inspect } = createIdempotency({ store, lease: "1s", namespace: "mails" });
let runs = 0;

const sleep = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

async function run(key: string, forMs: number) {
  return execute(key, "1m", async () => {
    runs += 1;
    await sleep(forMs);
    return runs;
  });
}

/** The worker's answers: all checks, or one step of the checks that need several requests. */
const ANSWERS: Record<string, (query: URLSearchParams) => Promise<unknown>> = {
  "/report": () => report(),
  "/run": query => run(query.get("key")!, Number(query.get("ms"))),
  // It answers without its run, which ends with the request that began it.
  "/forsake": async query => {
    void run(query.get("key")!, 5_000);
    return "begun";
  },
  // Bounded, for nobody knows whether the run that it meets will ever end.
  "/try": async query => {
    const options = { waitTimeout: "0.3s" } as const;
    return execute(query.get("key")!, "1m", () => "ran", options).catch(error => ({ code: error.code }));
  },
  "/inspect": async query => (await inspect(query.get("key")!)) ?? null,
};

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const answer = ANSWERS[pathname];
    if (answer === undefined) return new Response("no such answer", { status: 404 });
    return Response.json(await answer(searchParams));
  },
};
