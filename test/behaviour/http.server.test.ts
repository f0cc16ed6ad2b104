import { once } from "node:events";
import { type IncomingMessage, request as send } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { Hono } from "hono";
import { afterEach, describe, expect, it, vi } from "vitest";
import { idempotentHandler } from "../../src/http.ts";
import { createIdempotency } from "../../src/index.ts";
import { deferred } from "../support/calls.ts";
import { bytesOf, problem, replayed, scene, serve } from "../support/http.ts";

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serving(...given: Parameters<typeof scene>) {
  const made = scene(...given);
  const server = await serve(made.handle);
  ends.push(server.close);
  const ask = (key: string, body: BodyInit | null = "{}", init: RequestInit = {}) =>
    fetch(server.url, {
      method: "POST",
      body,
      ...init,
      headers: { "Idempotency-Key": key, ...init.headers },
    });
  return { ...made, ...server, ask };
}

const raw = (key: string, body: string, headers = "") =>
  `POST / HTTP/1.1\r\nHost: a.example\r\nIdempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

describe("on Node's own server", () => {
  it("a retry gets the first response", async () => {
    const { ask, runs } = await serving(() =>
      Response.json({ id: 7 }, { status: 201, headers: { "set-cookie": "a=1", location: "/7" } }),
    );
    const [first, second] = [await ask('"k"'), await ask('"k"')];
    expect(await second.text()).toBe(await first.text());
    expect([first.status, second.status]).toEqual([201, 201]);
    expect([first.headers.getSetCookie(), second.headers.getSetCookie()]).toEqual([["a=1"], []]);
    expect([replayed(first), replayed(second)]).toEqual([null, "true"]);
    expect(second.headers.get("location")).toBe("/7");
    expect(runs).toHaveLength(1);
  });

  it("five mebibytes come back to the byte", async () => {
    const bytes = bytesOf(5 * 1_048_576);
    const { ask, runs } = await serving(() => new Response(bytes), { maxBodyBytes: 6_000_000 });
    for (let i = 0; i < 2; i++) {
      const body = Buffer.from(await (await ask("k")).arrayBuffer());
      expect(body.equals(bytes)).toBe(true);
    }
    expect(runs).toHaveLength(1);
  });

  it("five mebibytes that are not kept stream to their caller, and a duplicate gets 409", async () => {
    const bytes = bytesOf(5 * 1_048_576);
    const { ask, runs } = await serving(() => new Response(bytes));
    expect(Buffer.from(await (await ask("k")).arrayBuffer()).equals(bytes)).toBe(true);
    expect((await ask("k")).status).toBe(409);
    expect(runs).toHaveLength(1);
  });

  it("a client that leaves in mid-body claims nothing, and its retry runs", async () => {
    const { open, ask, runs, store, server } = await serving(
      async request => new Response(await request.text()),
    );
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { socket } = await open();
    const arrived = once(server, "request");
    socket.write(raw("k", "x".repeat(100)).slice(0, -50));
    const [incoming] = (await arrived) as [IncomingMessage];
    const aborted = new Promise(done => incoming.once("close", done));
    socket.destroy();
    await aborted;
    expect([runs, store.calls]).toEqual([[], []]);
    expect(await (await ask("k", "all of it")).text()).toBe("all of it");
    expect(runs).toHaveLength(1);
    vi.restoreAllMocks();
  });

  it("a client that leaves while the handler runs finds the response when it comes again", async () => {
    const gate = deferred<void>();
    const gone = vi.fn();
    const { open, ask, runs } = await serving(async request => {
      request.signal.addEventListener("abort", gone);
      await gate.promise;
      return new Response("done");
    });
    const { socket } = await open();
    socket.write(raw("k", "{}"));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    socket.destroy();
    await vi.waitFor(() => expect(gone).toHaveBeenCalled());
    const again = ask("k");
    gate.resolve();
    expect([await (await again).text(), replayed(await again)]).toEqual(["done", "true"]);
    expect(runs).toHaveLength(1);
  });

  it("duplicates that are pipelined on one socket run once", async () => {
    const { open, runs } = await serving(() => new Response("done", { headers: { "content-length": "4" } }));
    const { socket, received } = await open();
    socket.write(raw("k", "{}") + raw("k", "{}") + raw("k", "other"));
    await vi.waitFor(() => expect(received().match(/HTTP\/1\.1 \d+/g)).toHaveLength(3));
    expect(received().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 422"]);
    expect(received().match(/idempotency-replayed: true/g)).toHaveLength(1);
    expect(runs).toHaveLength(1);
  });

  it("two headers on one request are 400", async () => {
    const { open } = await serving(() => new Response());
    const { socket, received } = await open();
    socket.write(raw('"a"', "{}", 'Idempotency-Key: "b"\r\n'));
    await vi.waitFor(() => expect(received()).toContain("HTTP/1.1 400"));
  });

  it("a body in chunks is the same as one with its length", async () => {
    const { ask, runs, port } = await serving(async request => new Response(await request.text()));
    const text = await new Promise(done => {
      const outgoing = send({ port, method: "POST", headers: { "Idempotency-Key": "k" } }, async incoming => {
        done((await incoming.setEncoding("utf8").toArray()).join(""));
      });
      for (const chunk of ["a", "bc", "def"]) outgoing.write(chunk);
      outgoing.end();
    });
    expect(text).toBe("abcdef");
    expect(replayed(await ask("k", "abcdef"))).toBe("true");
    expect(runs).toHaveLength(1);
  });

  it("a body that is too large is 413, and its connection is of no further use", async () => {
    const { open, runs, ask } = await serving(() => new Response(), { maxRequestBytes: 1_000 });
    const { socket, received } = await open();
    const closed = new Promise(done => socket.once("close", done));
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let i = 0; i < 20; i++) socket.write(`64\r\n${"x".repeat(100)}\r\n`);
    await vi.waitFor(() => expect(received()).toContain("HTTP/1.1 413"));
    await closed;
    expect((await ask("k", bytesOf(1_000))).status).toBe(200);
    expect(runs).toHaveLength(1);
  });

  it("ranges and compressed bodies come back as they were", async () => {
    const squeezed = gzipSync("compressed ".repeat(100));
    const { ask, port } = await serving(request =>
      new URL(request.url).search === ""
        ? new Response(squeezed, { headers: { "content-encoding": "gzip" } })
        : new Response("cd", { status: 206, headers: { "content-range": "bytes 2-3/9" } }),
    );
    const range = () =>
      fetch(`http://127.0.0.1:${port}/?range`, { method: "POST", headers: { "Idempotency-Key": "r" } });
    for (const response of [await range(), await range()]) {
      expect([response.status, response.headers.get("content-range"), await response.text()]).toEqual([
        206,
        "bytes 2-3/9",
        "cd",
      ]);
    }
    for (let i = 0; i < 2; i++) expect(await (await ask("k")).text()).toBe("compressed ".repeat(100));
    const { open } = await serving(() => new Response(squeezed, { headers: { "content-encoding": "gzip" } }));
    for (let i = 0; i < 2; i++) {
      const { socket, received } = await open();
      socket.write(raw("k", "{}", "Connection: close\r\n"));
      await new Promise(done => socket.once("close", done));
      const bytes = received().slice(received().indexOf("\r\n\r\n") + 4);
      const body = bytes.replace(/^[\da-f]+\r\n(.*)\r\n0\r\n\r\n$/s, "$1");
      expect(gunzipSync(Buffer.from(body, "latin1")).toString()).toBe("compressed ".repeat(100));
    }
  });

  it("HEAD has its headers and no body, and is as idempotent as it is named to be", async () => {
    const { ask, runs } = await serving(() => new Response(null, { headers: { "content-length": "5000" } }), {
      methods: ["POST", "HEAD"],
    });
    for (const expected of [null, "true"]) {
      const response = await ask("k", null, { method: "HEAD" });
      expect([replayed(response), response.headers.get("content-length"), await response.text()]).toEqual([
        expected,
        "5000",
        "",
      ]);
    }
    expect(runs).toHaveLength(1);
  });

  it("a stream of events begins at once, and ends when its reader leaves", async () => {
    const left = vi.fn();
    const { ask } = await serving(() => {
      const body = new ReadableStream({
        start: controller => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
        cancel: left,
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const client = new AbortController();
    const reader = (await ask("k", "{}", { signal: client.signal })).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: 1\n\n");
    client.abort();
    await vi.waitFor(() => expect(left).toHaveBeenCalled());
    expect((await ask("k")).status).toBe(409);
    vi.restoreAllMocks();
  });

  it("what the handler throws is the host's 500", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { ask } = await serving(() => Promise.reject(new Error("no")));
    expect((await ask("k")).status).toBe(500);
    vi.restoreAllMocks();
  });
});

describe("in Hono", () => {
  const app = () => {
    const runs = vi.fn();
    const order = idempotentHandler(
      async (_request, execution, c: import("hono").Context) => {
        runs(execution?.attempt);
        return c.json({ for: c.get("user"), order: await c.req.json() }, 201);
      },
      { idempotency: createIdempotency(), ttl: "1m", scope: (_request, c) => c.get("user"), required: true },
    );
    const hono = new Hono<{ Variables: { user: string } }>();
    hono.use(async (c, next) => {
      c.set("user", c.req.header("authorization") ?? "nobody");
      await next();
      c.header("x-of-each", "response");
    });
    hono.post("/orders", c => order(c.req.raw, c));
    return { runs, hono };
  };
  const post = (hono: Hono<never>, key: string, who = "ada") =>
    hono.request("/orders", {
      method: "POST",
      body: '{"id":1}',
      headers: { "Idempotency-Key": key, authorization: who },
    });

  it("the route's own context is at hand, and a retry is a replay", async () => {
    const { hono, runs } = app();
    for (const expected of [null, "true"]) {
      const response = await post(hono as never, '"hono"');
      expect([response.status, replayed(response), await response.json()]).toEqual([
        201,
        expected,
        { for: "ada", order: { id: 1 } },
      ]);
      expect(response.headers.get("x-of-each")).toBe("response");
    }
    expect(await (await post(hono as never, '"hono"', "ben")).json()).toMatchObject({ for: "ben" });
    expect(runs.mock.calls).toEqual([[1], [1]]);
    expect(await problem(await post(hono as never, '"'))).toMatchObject({ status: 400 });
  });
});
