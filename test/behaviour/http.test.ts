import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idempotentHandler } from "../../src/http.ts";
import { createIdempotency, InvalidKeyError, memoryStore } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { deferred, pass, recorder, rejection, turn } from "../support/calls.ts";
import { bytesOf, post, problem, replayed, scene, shown, URL_OF } from "../support/http.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const cookie = { "set-cookie": "session=secret" };
const created = () => Response.json({ id: 7 }, { status: 201, headers: { location: "/7", ...cookie } });

describe("a request that comes again", () => {
  it("gets the first one's response, and the handler does not run again", async () => {
    const { handle, runs } = scene(created);
    const first = await shown(await handle(post('"k"')));
    const second = await shown(await handle(post('"k"')));
    expect(runs).toHaveLength(1);
    expect(first).toMatchObject({ status: 201, body: '{"id":7}', cookies: ["session=secret"] });
    expect(first.headers).not.toHaveProperty("idempotency-replayed");
    const { "set-cookie": _, ...headers } = first.headers;
    expect(second).toEqual({
      ...first,
      cookies: [],
      headers: { ...headers, "idempotency-replayed": "true" },
    });
  });

  it("has one key, in quotes or bare, whatever parameters follow", async () => {
    const { handle, runs } = scene(created);
    for (const key of ['"k"', "k", '"k";a=1', " k "]) expect((await handle(post(key))).status).toBe(201);
    expect(runs).toHaveLength(1);
  });

  it("has a key of any length", async () => {
    const { handle, runs } = scene(created);
    for (const end of ["a", "b", "a"]) await handle(post(`"${"k".repeat(10_000)}${end}"`));
    expect(runs).toHaveLength(2);
  });

  it("gets the first one's response under the largest maxBodyBytes too", async () => {
    const { handle, runs } = scene(created, { maxBodyBytes: Number.MAX_SAFE_INTEGER });
    await handle(post("k"));
    expect(replayed(await handle(post("k")))).toBe("true");
    expect(runs).toHaveLength(1);
  });

  it("runs again after the window", async () => {
    const { handle, runs } = scene(created, { ttl: "1m" });
    await handle(post("k"));
    await pass(60_000);
    expect(replayed(await handle(post("k")))).toBeNull();
    expect(runs).toHaveLength(2);
  });

  it("gets 422 where the method, the path, the query or the body differs", async () => {
    const { handle, runs } = scene(created);
    await handle(post("k", "a"));
    const others = [
      post("k", "b"),
      post("k", ""),
      post("k", null),
      post("k", "a", { url: `${URL_OF}/1` }),
      post("k", "a", { url: `${URL_OF}?a` }),
      post("k", "a", { method: "PATCH" }),
    ];
    for (const other of others) {
      expect(await problem(await handle(other))).toMatchObject({ status: 422, retryAfter: null });
    }
    expect((await handle(post("k", "a", { headers: { accept: "x" } }))).status).toBe(201);
    expect((await handle(post("k", "a", { url: "https://other.example/orders" }))).status).toBe(201);
    expect(runs).toHaveLength(1);
  });
});

describe("the handler", () => {
  it("gets the very request that came, with its body to read", async () => {
    const bytes = bytesOf(100_000);
    const request = post("k", bytes);
    const { handle } = scene(async given => {
      expect(given).toBe(request);
      return new Response(await given.arrayBuffer());
    });
    expect(new Uint8Array(await (await handle(request)).arrayBuffer())).toEqual(bytes);
  });

  it("gets the execution of its key, and an idempotencyKey to pass on", async () => {
    const { handle, runs } = scene(created, {}, {});
    await handle(post("k"));
    const [execution] = runs;
    expect([execution?.key, execution?.attempt]).toEqual(["http:nobody:k", 1]);
    expect(execution?.idempotencyKey).toMatch(/^[\w-]{43}$/);
  });

  it("gets what the host passes beside the request, and so does scope", async () => {
    const seen: unknown[] = [];
    const handle = idempotentHandler(
      (_request, _execution, env: { name: string }, context: number) => {
        seen.push(env, context);
        return new Response();
      },
      { idempotency: createIdempotency(), ttl: "1m", scope: (_request, env) => env.name },
    );
    await handle(post("k-args"), { name: "n" }, 7);
    expect(seen).toEqual([{ name: "n" }, 7]);
  });

  it("runs as if unwrapped for a request without a key, and for other methods", async () => {
    const scope = vi.fn(() => "u");
    const { handle, runs, store } = scene(created, { scope });
    const plain = [
      post(undefined),
      new Request(URL_OF),
      ...["GET", "PUT", "DELETE", "OPTIONS", "HEAD"].map(
        method => new Request(URL_OF, { method, headers: { "Idempotency-Key": '"' } }),
      ),
    ];
    for (const request of plain) {
      expect((await shown(await handle(request))).cookies).toEqual(["session=secret"]);
    }
    expect(runs).toEqual(plain.map(() => undefined));
    expect(store.calls).toEqual([]);
    expect(scope).not.toHaveBeenCalled();
  });

  it("is idempotent for the methods that are named, in any case", async () => {
    const { handle, runs } = scene(created, { methods: ["put", "Delete", "GET"] });
    for (const method of ["PUT", "DELETE", "GET"]) {
      const request = () => new Request(URL_OF, { method, headers: { "Idempotency-Key": method } });
      await handle(request());
      expect(replayed(await handle(request()))).toBe("true");
    }
    expect(runs).toHaveLength(3);
    const patch = scene(created);
    // Node.js warns of that spelling: servers may refuse it.
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (let i = 0; i < 2; i++) await patch.handle(post("k", "{}", { method: "patch" }));
    expect(patch.runs).toHaveLength(1);
    warn.mockRestore();
  });
});

describe("a bad key", () => {
  it.each(['"', '""', '"a", "b"', "a, b", "a b", '"é"', ""])("%j is 400, and nothing runs", async key => {
    const { handle, runs, store } = scene(created);
    const told = await problem(await handle(post(key)));
    expect(told).toMatchObject({ status: 400, contentType: "application/problem+json" });
    expect(told.type).toMatch(/#malformed-key$/);
    expect([runs, store.calls]).toEqual([[], []]);
  });

  it("two headers are 400", async () => {
    const { handle } = scene(created);
    const request = post("a");
    request.headers.append("Idempotency-Key", "a");
    expect((await handle(request)).status).toBe(400);
  });

  it("that is missing is 400 only where one is required", async () => {
    const { handle, runs } = scene(created, { required: true });
    expect((await problem(await handle(post(undefined)))).type).toMatch(/#missing-key$/);
    expect((await handle(new Request(URL_OF))).status).toBe(201);
    expect(runs).toHaveLength(1);
  });
});

describe("scope", () => {
  it("keeps the callers apart", async () => {
    const { handle, runs } = scene(request => new Response(request.headers.get("authorization")));
    const by = (authorization: string) => handle(post("k", "{}", { headers: { authorization } }));
    for (const who of ["ada", "ben", "ada", "ben"]) expect(await (await by(who)).text()).toBe(who);
    expect(runs).toHaveLength(2);
  });

  it("and key never run into each other", async () => {
    const names = ["a", "a:", ":a", "a:b", "b", "b:a", "\\", "\\:", "a\\", "::", '"', "a\\:b"];
    const runs = new Set<string>();
    const { handle } = scene((request, execution) => {
      runs.add(execution!.key);
      return new Response(request.headers.get("authorization"));
    });
    for (const authorization of names) {
      for (const key of names) {
        const quoted = `"${key.replace(/["\\]/g, "\\$&")}"`;
        expect(replayed(await handle(post(quoted, "{}", { headers: { authorization } })))).toBeNull();
      }
    }
    expect(runs.size).toBe(names.length ** 2);
  });

  it.each([undefined, null, "", "  ", 7, {}])("%j is refused, loudly, and nothing runs", async scope => {
    const { handle, runs, store } = scene(created, { scope: () => scope as string });
    expect(await rejection(handle(post("k")))).toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining("scope: expected a text that names the caller"),
    });
    expect([runs, store.calls]).toEqual([[], []]);
  });

  it("may take its time, and what it throws is the host's", async () => {
    const unauthorized = new Error("401");
    const late = scene(created, { scope: async () => Promise.resolve("u") });
    expect((await late.handle(post("k"))).status).toBe(201);
    for (const scope of [
      () => Promise.reject(unauthorized),
      () => {
        throw unauthorized;
      },
    ]) {
      const { handle, runs } = scene(created, { scope });
      expect(await rejection(handle(post("k")))).toBe(unauthorized);
      expect(runs).toEqual([]);
    }
  });
});

describe("the body of a request", () => {
  it("that somebody has read is refused with what to do", async () => {
    const { handle, store } = scene(created);
    const read = post("k");
    await read.text();
    const locked = post("k");
    locked.body!.getReader();
    for (const request of [read, locked]) {
      expect(await rejection(handle(request))).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("Call this handler before anything reads the request"),
      });
    }
    expect(store.calls).toEqual([]);
  });

  const streamOf = (chunks: readonly Uint8Array<ArrayBuffer>[], end?: Error) => {
    let next = 0;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        const chunk = chunks[next++];
        if (chunk !== undefined) controller.enqueue(chunk);
        else if (end === undefined) controller.close();
        else controller.error(end);
      },
    });
  };

  it("is the same in other pieces", async () => {
    const { handle, runs } = scene(async request => new Response(await request.arrayBuffer()));
    const bytes = bytesOf(1_000);
    const pieces = [bytes.slice(0, 1), bytes.slice(1, 1), bytes.slice(1, 400), bytes.slice(400)];
    await handle(post("k", streamOf(pieces)));
    const again = await handle(post("k", bytes));
    expect(replayed(again)).toBe("true");
    expect(new Uint8Array(await again.arrayBuffer())).toEqual(bytes);
    expect(runs).toHaveLength(1);
  });

  it("in a great many crumbs is 413, and little of it is read", async () => {
    const { handle, store } = scene(created);
    let pulled = 0;
    const crumbs = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulled++ < 1_000_000) controller.enqueue(new Uint8Array(1));
        else controller.close();
      },
    });
    expect((await handle(post("k", crumbs))).status).toBe(413);
    expect(pulled).toBeLessThan(17_000);
    expect(store.calls).toEqual([]);
  });

  it("that breaks off claims nothing", async () => {
    const { handle, runs, store } = scene(created);
    const cut = new Error("the client left");
    expect(await rejection(handle(post("k", streamOf([bytesOf(10)], cut))))).toBe(cut);
    expect([runs, store.calls]).toEqual([[], []]);
  });

  it("of more bytes than maxRequestBytes is 413, declared or not, and the rest is not read", async () => {
    const { handle, runs, store } = scene(created, { maxRequestBytes: 100 });
    expect((await handle(post("a", bytesOf(100)))).status).toBe(201);
    const claims = store.calls.length;
    const declared = post("b", bytesOf(10), { headers: { "content-length": "101" } });
    expect((await problem(await handle(declared))).type).toMatch(/#request-too-large$/);
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(bytesOf(10));
      },
    });
    expect(await problem(await handle(post("b", endless)))).toMatchObject({ status: 413 });
    expect(pulled).toBeLessThan(20);
    expect([runs.length, store.calls.length]).toEqual([1, claims]);
  });
});

describe("while the first request runs", () => {
  it("others share its run, and each gets a response of its own", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(async () => {
      await gate.promise;
      return created();
    });
    const all = Array.from({ length: 20 }, () => handle(post("k")));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    gate.resolve();
    const responses = await Promise.all((await Promise.all(all)).map(shown));
    expect(runs).toHaveLength(1);
    expect(new Set(responses.map(({ body }) => body))).toEqual(new Set(['{"id":7}']));
    expect(responses.filter(({ headers }) => !("idempotency-replayed" in headers))).toHaveLength(1);
    expect(responses.filter(({ cookies }) => cookies.length > 0)).toHaveLength(1);
  });

  it("they get 409 with Retry-After at once, where the idempotency does not wait", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(
      async () => {
        await gate.promise;
        return created();
      },
      {},
      { onConflict: "reject" },
    );
    const first = handle(post("k"));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect(await problem(await handle(post("k")))).toMatchObject({ status: 409, retryAfter: "2" });
    expect(await problem(await handle(post("k", "another")))).toMatchObject({ status: 422 });
    gate.resolve();
    expect((await first).status).toBe(201);
    expect(replayed(await handle(post("k")))).toBe("true");
  });

  it("and after waitTimeout, where it does", async () => {
    const { handle, runs } = scene(() => new Promise<never>(() => {}), {}, { waitTimeout: "5s" });
    void handle(post("k"));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    const second = handle(post("k"));
    await vi.waitFor(async () => {
      await pass(1_000);
      expect(
        await problem(await Promise.race([second, Promise.reject(new Error("it waits"))])),
      ).toMatchObject({
        status: 409,
        retryAfter: "2",
      });
    });
  });

  it("a client that leaves does not stop it: its response is kept", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(async (_, execution) => {
      await gate.promise;
      return Response.json({ aborted: execution!.signal.aborted });
    });
    const client = new AbortController();
    const first = handle(post("k", "{}", { signal: client.signal }));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    client.abort();
    await turn();
    gate.resolve();
    await first;
    const again = await handle(post("k"));
    expect([replayed(again), await again.json()]).toEqual(["true", { aborted: false }]);
  });
});

describe("what is seen of it", () => {
  it("the response in the store is JSON that an operator can read and write", async () => {
    const { handle, idempotency } = scene(created);
    await handle(post("k"));
    const { value } = (await idempotency.inspect(["http", "nobody", "k"]))!;
    const headers = [
      ["content-type", "application/json"],
      ["location", "/7"],
    ];
    expect(value).toEqual({ status: 201, headers, body: '{"id":7}' });
  });

  it("no cookie is in the store, and no problem tells the key, the scope or the cause", async () => {
    const store = faultyStore(memoryStore());
    const { handle } = scene(created, { scope: () => "secret-scope" }, { store });
    await handle(post("secret-key"));
    expect(JSON.stringify(store.calls)).not.toContain("session=secret");
    store.inject({ operation: "claim", kind: "fail", error: new Error("secret-host:6379"), times: 9 });
    const told = [
      await problem(await handle(post("secret-key", "another"))),
      await problem(await handle(post("secret key"))),
    ];
    expect(JSON.stringify(told)).not.toContain("secret");
  });

  it("the events are those of any call", async () => {
    const { onEvent, types } = recorder();
    const { handle } = scene(created, {}, { onEvent });
    await handle(post("k"));
    await handle(post("k"));
    await handle(post("k", "another"));
    expect(types()).toEqual(["claimed", "completed", "replayed", "refused"]);
  });

  it("a key of the host's that cannot be is the host's error", async () => {
    const { handle } = scene(created, { scope: () => "\ud800" });
    expect(await rejection(handle(post("k")))).toBeInstanceOf(InvalidKeyError);
  });
});
