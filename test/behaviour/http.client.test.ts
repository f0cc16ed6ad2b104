import { afterEach, expect, it, vi } from "vitest";
import { post } from "../../examples/http/client.ts";
import { createIdempotency } from "../../src/index.ts";
import { deferred } from "../support/calls.ts";
import { scene, serve } from "../support/http.ts";

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Serve = (request: Request, handle: (request: Request) => Promise<Response>) => Promise<Response>;

/** The recipe of the guide in a run of the library, against a server of ours. */
async function charging(
  answer: Parameters<typeof scene>[0],
  options: Parameters<typeof scene>[2] = {},
  serving: Serve = (request, handle) => handle(request),
) {
  const made = scene(answer, {}, options);
  const keys: (string | null)[] = [];
  const statuses: number[] = [];
  const server = await serve(async request => {
    keys.push(request.headers.get("idempotency-key"));
    const response = await serving(request, made.handle);
    statuses.push(response.status);
    return response;
  });
  ends.push(server.close);
  const { withIdempotency } = createIdempotency({ namespace: server.url });
  const charge = () =>
    withIdempotency(["charge", 42], "1h", async execution => {
      const response = await post(`${server.url}/charges`, { amount: 5 }, execution);
      return { status: response.status, body: await response.text() };
    });
  return { ...made, keys, statuses, charge };
}

it("asks again while the first request runs, and gets its response", async () => {
  const gate = deferred<void>();
  const { charge, statuses, keys, runs } = await charging(
    async () => {
      await gate.promise;
      return Response.json({ id: "ch_1" }, { status: 201 });
    },
    { onConflict: "reject" },
    async (request, handle) => {
      // Another try of the same request came before, and is at work.
      if (keys.length === 1) void handle(request.clone() as Request);
      await vi.waitFor(() => expect(runs.length).toBe(1));
      const response = await handle(request);
      if (response.status === 409) gate.resolve();
      return response;
    },
  );
  expect(await charge()).toEqual({ status: 201, body: '{"id":"ch_1"}' });
  expect(statuses).toEqual([409, 201]);
  expect(keys[0]).toMatch(/^"[\w-]{43}"$/);
  expect(new Set(keys).size).toBe(1);
  expect(runs).toHaveLength(1);
});

it("asks again where no answer came, and the charge is made once", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  let losses = 1;
  const { charge, keys, runs } = await charging(
    () => Response.json({ id: "ch_1" }),
    {},
    async (request, handle) => {
      const response = await handle(request);
      if (losses-- <= 0) return response;
      const lost = new ReadableStream({
        start: controller => controller.error(new Error("the connection broke")),
      });
      return new Response(lost, { headers: { "content-length": "99" } });
    },
  );
  expect((await charge()).status).toBe(200);
  expect(runs).toHaveLength(1);
  expect(new Set(keys).size).toBe(1);
  vi.restoreAllMocks();
});

it("gives up where nobody knows the outcome", async () => {
  const { charge, statuses } = await charging(
    () => new Response(null, { status: 504 }),
    {},
    async (request, handle) => {
      await handle(request.clone() as Request);
      return handle(request);
    },
  );
  expect((await charge()).status).toBe(409);
  expect(statuses).toEqual([409]);
});
