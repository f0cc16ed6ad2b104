import { createIdempotency, memoryStore } from "with-idempotency";
import { idempotentHandler } from "with-idempotency/http";
import { bytesOf, LARGE } from "./http.ts";

/** What a server that is put to the test does, by path; each answer tells how many runs its key has had. */
const ANSWERS: Record<string, (request: Request, runs: number) => Response | Promise<Response>> = {
  "/http/order": async (request, runs) => {
    const headers = { location: "/orders/7", "set-cookie": "session=secret" };
    return Response.json({ runs, order: await request.text() }, { status: 201, headers });
  },
  "/http/bytes": () => new Response(bytesOf(LARGE)),
  "/http/empty": () => new Response(null, { status: 204 }),
  "/http/part": () => new Response("cd", { status: 206, headers: { "content-range": "bytes 2-3/9" } }),
  "/http/limited": (_, runs) => new Response(`${runs}`, { status: 429 }),
  "/http/gateway": (_, runs) => new Response(`${runs}`, { status: 502 }),
  "/http/slow": async (_, runs) => {
    await new Promise(done => setTimeout(done, 200));
    return new Response(`${runs}`, { status: runs > 1 ? 500 : 503 });
  },
  "/http/events": () => {
    const headers = { "content-type": "text/event-stream" };
    return new Response("data: 1\n\n", { headers });
  },
};

/** A server for the checks of `http.ts`. */
export function httpServer(): (request: Request) => Promise<Response> {
  const runs = new Map<string, number>();
  return idempotentHandler(
    (request, execution) => {
      const key = execution?.key ?? "none";
      runs.set(key, (runs.get(key) ?? 0) + 1);
      const answer = ANSWERS[new URL(request.url).pathname];
      return answer === undefined ? new Response(null, { status: 404 }) : answer(request, runs.get(key)!);
    },
    {
      idempotency: createIdempotency({ store: memoryStore({ maxEntries: 100 }), namespace: "http" }),
      ttl: "1m",
      scope: request => request.headers.get("x-account") ?? "nobody",
      maxBodyBytes: 2 * LARGE,
      maxRequestBytes: LARGE,
    },
  );
}
