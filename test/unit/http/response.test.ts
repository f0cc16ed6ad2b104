import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keep, restore } from "../../../src/http/response.ts";
import { bytesOf, shown } from "../../support/http.ts";

const MAX = 100;
const trip = async (response: Response, max = MAX) =>
  restore(JSON.parse(JSON.stringify((await keep(response, max)) ?? null)));
const bytes = async (response: Response | undefined) => new Uint8Array(await response!.arrayBuffer());

describe("a response that is kept", () => {
  it("is plain JSON that a person can read", async () => {
    const response = Response.json(
      { id: 7 },
      { status: 201, statusText: "Made", headers: { location: "/7" } },
    );
    expect(await keep(response, MAX)).toEqual({
      status: 201,
      statusText: "Made",
      headers: [
        ["content-type", "application/json"],
        ["location", "/7"],
      ],
      body: '{"id":7}',
    });
  });

  it("is left whole to its caller", async () => {
    const response = new Response("abc");
    await keep(response, MAX);
    expect(await response.text()).toBe("abc");
  });

  it("has bytes that are no text, and controls, as base64", async () => {
    expect(await keep(new Response(bytesOf(3)), MAX)).toMatchObject({ base64: expect.any(String) });
    expect(await keep(new Response("\0\0"), MAX)).toMatchObject({ base64: "AAA=" });
    expect(await keep(new Response("a\tb\r\n"), MAX)).toMatchObject({ body: "a\tb\r\n" });
  });

  it("comes back to the byte, whatever they are (property)", async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: MAX }),
      fc.string().map(text => new TextEncoder().encode(text)),
    );
    await fc.assert(
      fc.asyncProperty(body, async given => {
        expect(await bytes(await trip(new Response(given as Uint8Array<ArrayBuffer>), 1_000))).toEqual(
          new Uint8Array(given),
        );
      }),
    );
  });

  it("keeps a byte order mark", async () => {
    const marked = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
    expect(await bytes(await trip(new Response(marked)))).toEqual(marked);
  });

  it.each([204, 205, 304])("has no body where %i allows none", async status => {
    const replay = await trip(new Response(null, { status, headers: { etag: '"1"' } }));
    expect(replay).toMatchObject({ status, body: null });
    expect(replay?.headers.get("etag")).toBe('"1"');
  });

  it("may be a redirect, a part, compressed, or an answer to HEAD", async () => {
    expect(await trip(Response.redirect("https://a.b/c", 303))).toMatchObject({ status: 303 });
    const part = { status: 206, headers: { "content-range": "bytes 0-1/9" } };
    expect((await trip(new Response("ab", part)))?.headers.get("content-range")).toBe("bytes 0-1/9");
    const squeezed = { headers: { "content-encoding": "gzip", "content-length": "9" } };
    const replay = await trip(new Response(bytesOf(9), squeezed));
    expect(Object.fromEntries(replay!.headers)).toMatchObject(squeezed.headers);
    const head = await trip(new Response(null, { headers: { "content-length": "5000" } }));
    expect(head?.headers.get("content-length")).toBe("5000");
  });

  it("has no type where the first had none, and headers that came twice", async () => {
    const response = new Response(new TextEncoder().encode("a"));
    response.headers.append("vary", "a");
    response.headers.append("vary", "b");
    expect(Object.fromEntries((await trip(response))!.headers)).toEqual({
      vary: "a, b",
      "idempotency-replayed": "true",
    });
  });

  it("lacks what is of one connection, one client or one day", async () => {
    const names = [
      ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "x-hop", "x-leg"],
      ...["proxy-connection", "proxy-authenticate", "set-cookie", "set-cookie2", "date"],
    ];
    const headers = new Headers(names.map(name => [name, "x"]));
    headers.set("connection", "close, X-Hop,x-leg");
    headers.append("set-cookie", "b=2");
    headers.set("x-dated", "kept");
    const kept = await keep(new Response(null, { headers }), MAX);
    expect(kept?.headers).toEqual([["x-dated", "kept"]]);
  });
});

describe("what is not kept", () => {
  const endless = (chunk: unknown) =>
    new ReadableStream<unknown>({
      pull(controller) {
        controller.enqueue(chunk);
      },
    }) as ReadableStream<Uint8Array<ArrayBuffer>>;

  it("is a body of more than so many bytes, which goes on to its caller", async () => {
    expect(await keep(new Response(bytesOf(MAX)), MAX)).toBeDefined();
    const response = new Response(bytesOf(MAX + 1));
    expect(await keep(response, MAX)).toBeUndefined();
    expect(await bytes(response)).toEqual(bytesOf(MAX + 1));
  });

  it("is a stream of events, of which nothing is read", async () => {
    const headers = { "content-type": "Text/Event-Stream; charset=utf-8" };
    const response = new Response(endless(bytesOf(1)), { headers });
    const { body } = response;
    expect(await keep(response, MAX)).toBeUndefined();
    expect(response.body).toBe(body);
  });

  it("is an endless body, of which little is held", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(bytesOf(10));
      },
    });
    const response = new Response(body);
    expect(await keep(response, MAX)).toBeUndefined();
    expect(pulled).toBeLessThan(20);
    const reader = response.body!.getReader();
    for (let i = 0; i < 50; i++) expect((await reader.read()).value).toEqual(bytesOf(10));
    await reader.cancel();
  });

  it("is a body that fails, or is no bytes", async () => {
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("broke off"));
      },
    });
    const response = new Response(failing);
    expect(await keep(response, MAX)).toBeUndefined();
    await expect(response.text()).rejects.toThrow("broke off");
    expect(await keep(new Response(endless("text")), MAX)).toBeUndefined();
  });

  it("is a response that somebody has read, or that is none", async () => {
    const read = new Response("a");
    await read.text();
    expect(await keep(read, MAX)).toBeUndefined();
    const locked = new Response("a");
    locked.body!.getReader();
    expect(await keep(locked, MAX)).toBeUndefined();
    expect(await keep(Response.error(), MAX)).toBeUndefined();
  });
});

describe("a replay", () => {
  it("is made of what an operator wrote", async () => {
    const replay = await shown(restore({ status: 201, body: "made" })!);
    expect(replay).toMatchObject({ status: 201, body: "made", headers: { "idempotency-replayed": "true" } });
    expect(replay.headers).not.toHaveProperty("content-type");
    expect(restore({ status: 204 })).toMatchObject({ status: 204, body: null });
    expect(restore('{"status":202}')).toMatchObject({ status: 202 });
  });

  it.each([
    undefined,
    null,
    "sent",
    42,
    {},
    [],
    { status: "200" },
    { status: 99 },
    { status: 101 },
    { status: 600 },
    { status: 200.5, body: "a" },
    { status: 200, headers: [["a b", "c"]] },
    { status: 200, headers: 5 },
    { status: 200, base64: "no base64" },
    { status: 200, base64: 5 },
    { status: 204, body: "a body" },
    { body: "a" },
  ])("is not made of %j", kept => {
    expect(restore(kept)).toBeUndefined();
  });
});
