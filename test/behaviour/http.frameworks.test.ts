import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import express from "express";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { app as expressApp } from "../../examples/http/express.ts";
import { app as fastifyApp } from "../../examples/http/fastify.ts";
import { handler as lambda } from "../../examples/http/lambda.ts";
import { toNode } from "../../examples/http/node.ts";
import { receive, SECRET } from "../../examples/http/webhooks.ts";
import { payloadOf } from "../../src/http/request.ts";
import { createIdempotency } from "../../src/index.ts";
import { deferred } from "../support/calls.ts";
import { problem, replayed, scene } from "../support/http.ts";

const ends: (() => unknown)[] = [];

afterAll(async () => {
  for (const end of ends) await end();
});

async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  ends.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Event = Parameters<typeof lambda>[0];

/** What API Gateway makes of a request: payload format 2.0, whose headers are in lower case and joined by commas. */
async function eventOf(incoming: IncomingMessage): Promise<Event> {
  const { pathname, search } = new URL(incoming.url ?? "/", "http://gateway.example");
  const body = await buffer(incoming);
  const joined = Object.entries(incoming.headersDistinct).map(([name, values]) => [name, values!.join(",")]);
  const headers = Object.fromEntries(joined) as Record<string, string>;
  const requestContext = {
    domainName: "gateway.example",
    http: { method: incoming.method, path: pathname },
    authorizer: { jwt: { claims: { sub: headers["x-account"] }, scopes: [] } },
  };
  return {
    version: "2.0",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers,
    requestContext,
    body: body.length === 0 ? undefined : body.toString("base64"),
    isBase64Encoded: body.length > 0,
  } as unknown as Event;
}

const gateway: RequestListener = async (incoming, outgoing) => {
  try {
    const {
      statusCode,
      headers,
      cookies,
      body = "",
      isBase64Encoded,
    } = await lambda(await eventOf(incoming));
    for (const cookie of cookies ?? []) outgoing.appendHeader("set-cookie", cookie);
    outgoing.writeHead(statusCode!, headers as Record<string, string>);
    outgoing.end(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
  } catch {
    outgoing.writeHead(500).end();
  }
};

async function fastifyUrl(): Promise<string> {
  ends.push(() => fastifyApp.close());
  return fastifyApp.listen({ host: "127.0.0.1", port: 0 });
}

const HOSTS = {
  Express: { start: () => listen(expressApp) },
  Fastify: { start: fastifyUrl },
  "AWS Lambda": { start: () => listen(gateway) },
};

describe.each(Object.entries(HOSTS))("the recipe for %s", (host, { start }) => {
  let url: string;
  const account = `account of ${host}`;
  const headersOf = (key: string) => ({
    "content-type": "application/json",
    "x-account": account,
    "idempotency-key": key,
  });
  const order = (key: string, body = '{"item": "pen"}', init: RequestInit = {}) =>
    fetch(`${url}/orders`, {
      method: "POST",
      body,
      ...init,
      headers: { ...headersOf(key), ...init.headers },
    });

  /** Another process at work on that request. */
  async function elsewhere(key: string, run: () => unknown) {
    const init = { method: "POST", body: '{"item": "pen"}' };
    const fingerprint = await payloadOf(new Request(`${url}/orders`, init), 1_000);
    const { withIdempotency } = createIdempotency({ namespace: "orders" });
    return withIdempotency(["http", account, key], "1h", run, { fingerprint });
  }

  beforeAll(async () => {
    // Express prints what nobody handles.
    vi.spyOn(console, "error").mockImplementation(() => {});
    url = await start();
  });

  it("gives a retry the first response", async () => {
    const [first, second] = [await order('"a"'), await order('"a"')];
    expect([first.status, second.status]).toEqual([201, 201]);
    const text = await first.text();
    expect(JSON.parse(text)).toMatchObject({ order: { item: "pen" }, attempt: 1 });
    expect(await second.text()).toBe(text);
    expect([replayed(first), replayed(second)]).toEqual([null, "true"]);
    expect(second.headers.get("content-type")).toBe("application/json");
  });

  it("gives two at once one response", async () => {
    const answers = await Promise.all([order("b"), order("b")]);
    expect(answers.map(replayed).sort()).toEqual(["true", null].sort());
    expect(await answers[0]!.text()).toBe(await answers[1]!.text());
  });

  it("answers 422 for another body, were it one blank, and another query", async () => {
    await order("c");
    expect(await problem(await order("c", '{"item":"pen"}'))).toMatchObject({ status: 422 });
    const other = await fetch(`${url}/orders?gift=1`, {
      method: "POST",
      body: '{"item": "pen"}',
      headers: headersOf("c"),
    });
    expect(other.status).toBe(422);
  });

  it("answers 400 for a malformed key", async () => {
    expect(await problem(await order('"open'))).toMatchObject({
      status: 400,
      contentType: "application/problem+json",
    });
  });

  it("waits for the request that another process runs, and replays its response", async () => {
    const gate = deferred<object>();
    const begun = deferred<void>();
    const running = elsewhere("d", () => {
      begun.resolve();
      return gate.promise;
    });
    await begun.promise;
    const waiting = order("d");
    gate.resolve({ status: 202, headers: [["location", "/7"]], body: "seven" });
    const response = await waiting;
    expect([response.status, response.headers.get("location"), await response.text()]).toEqual([
      202,
      "/7",
      "seven",
    ]);
    await running;
  });

  it("answers 409 without Retry-After where nobody knows the outcome", async () => {
    const cut = Object.assign(new Error("cut"), { code: "ECONNRESET" });
    await expect(elsewhere("e", () => Promise.reject(cut))).rejects.toBe(cut);
    expect(await problem(await order("e"))).toMatchObject({ status: 409, retryAfter: null });
  });

  it("keeps the callers apart", async () => {
    const first = await order("f");
    const other = await order("f", '{"item":"book"}', { headers: { "x-account": `other ${account}` } });
    expect([first.status, other.status, replayed(other)]).toEqual([201, 201, null]);
  });

  it("answers 400 for a body that is no JSON, and 400 again", async () => {
    const answers = [await order("g", "no JSON"), await order("g", "no JSON")];
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
  });

  it("leaves to the host what is its own mistake, such as a request without a caller", async () => {
    const response = await order("h", undefined, { headers: { "x-account": "" } });
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).not.toBe("application/problem+json");
  });

  it("lets a request without a key through", async () => {
    const { "idempotency-key": _, ...headers } = headersOf("");
    const send = () => fetch(`${url}/orders`, { method: "POST", body: '{"item":"pen"}', headers });
    expect([replayed(await send()), replayed(await send())]).toEqual([null, null]);
  });
});

describe("toNode in Express", () => {
  const handlesErrors: express.ErrorRequestHandler = (error, _request, response, _next) => {
    response.status(500).send(`mine: ${error.message}`);
  };

  const post = (url: string, init: RequestInit = {}) =>
    fetch(`${url}/shop/orders`, { method: "POST", body: '{"n":1}', ...init });
  const WITH_KEY = { headers: { "idempotency-key": "k", "content-type": "application/json" } };

  it("gives the app's error handlers what the handler throws", async () => {
    const { handle } = scene(() => {
      throw new Error("out of pens");
    });
    const url = await listen(express().post("/shop/orders", toNode(handle)).use(handlesErrors));
    const response = await post(url, WITH_KEY);
    expect([response.status, await response.text()]).toEqual([500, "mine: out of pens"]);
  });

  it("compares the whole path of a router that is mounted", async () => {
    const paths: string[] = [];
    const { handle } = scene(request => {
      paths.push(new URL(request.url).pathname);
      return new Response("done");
    });
    const router = express.Router().post("/orders", toNode(handle));
    const url = await listen(express().use("/shop", router));
    await post(url, WITH_KEY);
    expect(paths).toEqual(["/shop/orders"]);
  });

  it("reads the body itself where no parser stands before it", async () => {
    const { handle } = scene(async request => new Response(await request.text()));
    const url = await listen(express().post("/shop/orders", toNode(handle)));
    expect(await (await post(url, WITH_KEY)).text()).toBe('{"n":1}');
  });

  it("refuses a request that was parsed, and whose bytes nobody kept", async () => {
    const { handle, runs } = scene(() => new Response("done"));
    const app = express().use(express.json()).post("/shop/orders", toNode(handle)).use(handlesErrors);
    const url = await listen(app);
    const response = await post(url, WITH_KEY);
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining("rawBody")]);
    expect(runs).toEqual([]);
  });

  it("passes on 409 with Retry-After while the first request runs", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(
      async () => {
        await gate.promise;
        return new Response("done");
      },
      {},
      { onConflict: "reject" },
    );
    const url = await listen(express().post("/shop/orders", toNode(handle)));
    const first = post(url, WITH_KEY);
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect(await problem(await post(url, WITH_KEY))).toMatchObject({ status: 409, retryAfter: "2" });
    gate.resolve();
    expect(await (await first).text()).toBe("done");
  });
});

describe("the recipe for webhooks", () => {
  const seconds = () => Math.floor(Date.now() / 1_000);

  function delivery(id: string, at = seconds(), secret: Buffer = SECRET): RequestInit {
    const body = '{"type":"paid"}';
    const digest = createHmac("sha256", secret).update(`${id}.${at}.${body}`).digest("base64");
    const headers = {
      "webhook-id": id,
      "webhook-timestamp": `${at}`,
      "webhook-signature": `v1,b2xk v1,${digest}`,
    };
    return { method: "POST", body, headers };
  }

  it("handles an event once that is delivered twice, the second time with another signature", async () => {
    const url = await listen(express().post("/hooks", toNode(receive)));
    const first = await fetch(`${url}/hooks`, delivery("evt_1"));
    const second = await fetch(`${url}/hooks`, delivery("evt_1", seconds() - 1));
    expect([await first.text(), await second.text()]).toEqual(["handled paid", "handled paid"]);
    expect([replayed(first), replayed(second)]).toEqual([null, "true"]);
  });

  it("refuses a delivery that is not signed by the sender, or long ago, or has no id", async () => {
    const url = await listen(express().post("/hooks", toNode(receive)));
    const status = async (init: RequestInit) => (await fetch(`${url}/hooks`, init)).status;
    expect(await status(delivery("evt_2", undefined, Buffer.from("other")))).toBe(401);
    expect(await status(delivery("evt_2", seconds() - 3_600))).toBe(401);
    expect(await status({ method: "POST", body: "{}" })).toBe(401);
    expect(await status(delivery(""))).toBe(400);
  });
});
