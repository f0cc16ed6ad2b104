import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ErrorPolicy, isIdempotencyError, memoryStore } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { deferred, pass, recorder, rejection } from "../support/calls.ts";
import { bytesOf, post, problem, replayed, scene, shown } from "../support/http.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Answers with one status after the other. */
function inTurn(...answers: (number | Response | Error)[]) {
  return () => {
    const answer = answers.shift() ?? new Error("run too often");
    if (answer instanceof Error) throw answer;
    return typeof answer === "number" ? new Response(`body of ${answer}`, { status: answer }) : answer;
  };
}

describe("a response from 200 to 499 is kept", () => {
  it.each([200, 201, 202, 226, 300, 302, 308, 400, 401, 403, 404, 409, 410, 412, 418, 422, 426, 451, 499])(
    "%i too",
    async status => {
      const { handle, runs } = scene(inTurn(status));
      await handle(post("k"));
      const again = await handle(post("k"));
      expect([again.status, replayed(again), await again.text()]).toEqual([
        status,
        "true",
        `body of ${status}`,
      ]);
      expect(runs).toHaveLength(1);
    },
  );

  it.each([408, 425, 429])("but %i, which passes through and frees the key", async status => {
    const limited = new Response("later", { status, headers: { "retry-after": "7" } });
    const { handle, runs } = scene(inTurn(limited, 201));
    const first = await handle(post("k"));
    expect(first).toBe(limited);
    expect([await first.text(), first.headers.get("retry-after")]).toEqual(["later", "7"]);
    expect((await handle(post("k"))).status).toBe(201);
    expect(runs.map(execution => execution?.attempt)).toEqual([1, 2]);
    expect(new Set(runs.map(execution => execution?.idempotencyKey)).size).toBe(1);
  });
});

describe("a response from 500", () => {
  it("may be one object for all requests", async () => {
    const unavailable = new Response(null, { status: 503 });
    const { handle, runs } = scene(() => unavailable);
    expect(await handle(post("k"))).toBe(unavailable);
    expect(await handle(post("k"))).toBe(unavailable);
    expect(await handle(post("another"))).toBe(unavailable);
    expect(runs).toHaveLength(3);
  });

  it("may be frozen, and is judged by its status all the same (P2)", async () => {
    const cut = Object.freeze(new Response("no answer", { status: 502 }));
    const { handle, runs } = scene(() => cut);
    expect(await handle(post("k"))).toBe(cut);
    expect(await problem(await handle(post("k")))).toMatchObject({ status: 409 });
    expect(runs).toHaveLength(1);
  });

  it.each([500, 501, 503, 505])("of %i frees the key by default", async status => {
    const { handle, runs } = scene(inTurn(status, 201));
    const first = await handle(post("k"));
    expect([first.status, await first.text(), replayed(first)]).toEqual([status, `body of ${status}`, null]);
    expect((await handle(post("k"))).status).toBe(201);
    expect(runs).toHaveLength(2);
  });

  it.each([502, 504, 520, 524, 598, 599])(
    "of %i, a gateway's, leaves it uncertain by default",
    async status => {
      const { handle, runs, idempotency } = scene(inTurn(status));
      expect((await handle(post("k"))).status).toBe(status);
      expect(await problem(await handle(post("k")))).toMatchObject({ status: 409, retryAfter: null });
      expect((await idempotency.inspect(["http", "nobody", "k"]))?.state).toBe("uncertain");
      expect(runs).toHaveLength(1);
    },
  );

  const by = (policy: ErrorPolicy | "no policy", ...answers: Parameters<typeof inTurn>) => {
    const onError = vi.fn((error: unknown) => {
      void error;
      return policy as ErrorPolicy;
    });
    return { onError, ...scene(inTurn(...answers), {}, { onError }) };
  };

  it("goes to onError as it is, and on to its caller whole", async () => {
    const failed = Response.json({ error: "no" }, { status: 500, headers: { "set-cookie": "a=1" } });
    const { handle, onError } = by("hold", failed);
    const first = await handle(post("k"));
    expect(first).toBe(failed);
    expect(onError.mock.calls).toEqual([[failed]]);
    expect(await shown(first)).toMatchObject({ status: 500, body: '{"error":"no"}', cookies: ["a=1"] });
    expect((await handle(post("k"))).status).toBe(409);
  });

  it("is replayed where onError stores it", async () => {
    const failed = Response.json({ error: '"no"' }, { status: 503, headers: { "set-cookie": "a=1" } });
    const { handle, runs } = by("store", failed);
    await handle(post("k"));
    const again = await handle(post("k"));
    expect([again.status, replayed(again), await again.text()]).toEqual([
      503,
      "true",
      '{"error":"\\"no\\""}',
    ]);
    expect(again.headers.getSetCookie()).toEqual([]);
    expect(again.headers.get("content-type")).toBe("application/json");
    expect(runs).toHaveLength(1);
  });

  it("of the largest body that is kept is stored whole", async () => {
    const body = '"\\'.repeat(500);
    const { handle } = scene(
      inTurn(new Response(body, { status: 500 })),
      { maxBodyBytes: 1_000 },
      {
        onError: () => "store",
      },
    );
    await handle(post("k"));
    expect(await (await handle(post("k"))).text()).toBe(body);
  });

  it("of a larger one is stored as its status", async () => {
    const large = new Response(bytesOf(11), { status: 500 });
    const { handle } = scene(inTurn(large), { maxBodyBytes: 10 }, { onError: () => "store" });
    expect((await (await handle(post("k"))).arrayBuffer()).byteLength).toBe(11);
    const again = await handle(post("k"));
    expect([again.status, await again.text()]).toEqual([500, ""]);
  });

  it("holds where onError makes no sense", async () => {
    const { handle } = by("no policy", 500);
    await handle(post("k"));
    expect((await handle(post("k"))).status).toBe(409);
  });

  it("is shared by those who wait, each with a response of its own", async () => {
    for (const status of [429, 500, 503]) {
      const gate = deferred<void>();
      const failed = new Response("no", { status, headers: { "set-cookie": "a=1" } });
      const { handle, runs } = scene(async () => {
        await gate.promise;
        return failed;
      });
      const all = Array.from({ length: 5 }, () => handle(post("k")));
      await vi.waitFor(() => expect(runs).toHaveLength(1));
      gate.resolve();
      const responses = await Promise.all((await Promise.all(all)).map(shown));
      // Whose body is digested first runs.
      const [[first], others] = [false, true].map(isReplay =>
        responses.filter(({ headers }) => "idempotency-replayed" in headers === isReplay),
      ) as [typeof responses, typeof responses];
      expect(others).toHaveLength(4);
      expect(first).toMatchObject({ status, body: "no", cookies: ["a=1"] });
      for (const other of others) {
        expect(other).toMatchObject({ status, body: "no", cookies: [] });
        expect(other.headers).toMatchObject({ "idempotency-replayed": "true" });
      }
      expect(runs).toHaveLength(1);
    }
  });

  it("shows in events by its name alone: no body is in them", async () => {
    const { events, onEvent } = recorder();
    const failed = new Response("secret", { status: 500 });
    await scene(inTurn(failed), {}, { onEvent }).handle(post("k"));
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(events.at(-1)).toMatchObject({ type: "failed", error: failed });
  });
});

describe("what the handler throws", () => {
  it("goes to the host as it is, and by onError to the key", async () => {
    const error = new Error("no");
    const cut = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    const { handle, runs } = scene(inTurn(error, cut));
    expect(await rejection(handle(post("k")))).toBe(error);
    expect(await rejection(handle(post("k")))).toBe(cut);
    expect((await handle(post("k"))).status).toBe(409);
    expect(runs).toHaveLength(2);
  });

  it("is the host's again where onError stored it", async () => {
    const { handle } = scene(inTurn(new Error('{"status":200}')), {}, { onError: () => "store" });
    await rejection(handle(post("k")));
    const again = await rejection(handle(post("k")));
    expect(again).toMatchObject({ code: "REPLAYED_ERROR", original: { message: '{"status":200}' } });
  });

  it("is the host's even if it is an error of this package, for all who share the run", async () => {
    const inner = scene(() => new Response());
    const gate = deferred<void>();
    const { handle, runs } = scene(async () => {
      await gate.promise;
      await inner.idempotency.withIdempotency("", "1h", () => 1);
      return new Response();
    });
    const all = Array.from({ length: 3 }, () => rejection(handle(post("k"))));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    gate.resolve();
    for (const error of await Promise.all(all)) expect(isIdempotencyError(error, "INVALID_KEY")).toBe(true);
    const nested = scene(inTurn(Object.assign(new Error("x"), { code: "IN_PROGRESS" })));
    expect(await rejection(nested.handle(post("k")))).toMatchObject({ message: "x" });
  });

  it("may be anything", async () => {
    for (const thrown of [undefined, null, "text", 42]) {
      const { handle } = scene(() => {
        throw thrown;
      });
      expect(await rejection(handle(post("k")))).toBe(thrown);
    }
  });
});

describe("a response that cannot be kept", () => {
  const stream = (headers: Record<string, string> = {}) => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytesOf(10));
      },
    });
    return new Response(body, { headers });
  };

  it.each([
    ["a stream of events", () => stream({ "content-type": "text/event-stream" })],
    ["more bytes than maxBodyBytes", () => new Response(bytesOf(101))],
    ["an endless body", () => stream()],
  ])("%s: its caller gets it, a duplicate 409, and nothing runs again", async (_, make) => {
    const response = make();
    const { handle, runs } = scene(inTurn(response), { maxBodyBytes: 100 });
    expect(await handle(post("k"))).toBe(response);
    const reader = response.body!.getReader();
    expect((await reader.read()).value?.subarray(0, 10)).toEqual(bytesOf(10));
    await reader.cancel();
    const told = await problem(await handle(post("k")));
    expect(told).toMatchObject({ status: 409, retryAfter: null });
    expect(told.type).toMatch(/#result-unavailable$/);
    expect(runs).toHaveLength(1);
  });

  it("is 409 for those who share the run, too", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(async () => {
      await gate.promise;
      return stream();
    });
    const all = [handle(post("k")), handle(post("k"))];
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    gate.resolve();
    const [first, second] = await Promise.all(all);
    expect([first!.status, second!.status]).toEqual([200, 409]);
    await first!.body!.cancel();
  });

  it("with a serializer of the user's, too", async () => {
    const serializer = { stringify: (value: unknown) => JSON.stringify(value), parse: JSON.parse };
    const { handle, runs } = scene(inTurn(stream()), {}, { serializer });
    await (await handle(post("k"))).body!.cancel();
    expect((await handle(post("k"))).status).toBe(409);
    expect(runs).toHaveLength(1);
    const kept = scene(() => new Response(bytesOf(50)), {}, { serializer });
    await kept.handle(post("k"));
    const again = await kept.handle(post("k"));
    expect([replayed(again), new Uint8Array(await again.arrayBuffer())]).toEqual(["true", bytesOf(50)]);
  });

  it.each(["clone", "headers", "body"])(
    "one whose %s throws goes to its caller, and nothing runs again",
    async member => {
      const broken = () => {
        throw new Error("broken");
      };
      const response = Object.defineProperty(
        new Response("sent"),
        member,
        member === "clone" ? { value: broken } : { get: broken },
      );
      const { handle, runs } = scene(inTurn(response));
      await handle(post("k")).catch(() => {});
      expect((await handle(post("k"))).status).toBe(409);
      expect(runs).toHaveLength(1);
    },
  );

  it("no Response at all is the host's error, and nothing runs again", async () => {
    for (const answer of [undefined, "text", { status: 200 }]) {
      const { handle, runs } = scene(() => answer as never);
      expect(await rejection(handle(post("k")))).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("handler: expected a Response; got"),
      });
      expect((await handle(post("k"))).status).toBe(409);
      expect(runs).toHaveLength(1);
    }
  });

  it("the body that fails on its way is its caller's failure, and nothing runs again", async () => {
    const broken = new Response(
      new ReadableStream({
        pull(controller) {
          controller.error(new Error("disk"));
        },
      }),
    );
    const { handle, runs } = scene(inTurn(broken));
    await expect((await handle(post("k"))).text()).rejects.toThrow("disk");
    expect((await handle(post("k"))).status).toBe(409);
    expect(runs).toHaveLength(1);
  });

  it("the default of maxBodyBytes is a mebibyte of any bytes", async () => {
    for (const make of [bytesOf, (length: number) => '"'.repeat(length)]) {
      const { handle } = scene(inTurn(new Response(make(1_048_576)), new Response(make(1_048_577))));
      await handle(post("a"));
      expect((await (await handle(post("a"))).arrayBuffer()).byteLength).toBe(1_048_576);
      await (await handle(post("b"))).arrayBuffer();
      expect((await handle(post("b"))).status).toBe(409);
    }
  });
});

describe("the store", () => {
  it("that is down is 503 with Retry-After, and nothing runs", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: 9 }]);
    const { handle, runs } = scene(inTurn(201), {}, { store });
    const told = await problem(await handle(post("k")));
    expect(told).toMatchObject({ status: 503, retryAfter: "5", contentType: "application/problem+json" });
    expect(told.type).toMatch(/#store-error$/);
    expect(runs).toEqual([]);
  });

  it("that does not answer is 503 after storeTimeout", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "hang", times: 9 }]);
    const { handle } = scene(inTurn(201), {}, { store, storeTimeout: "1s" });
    const answer = handle(post("k"));
    await vi.waitFor(() => expect(store.calls).not.toEqual([]));
    await pass(5_000);
    expect((await answer).status).toBe(503);
  });

  it("that fails after the run changes nothing for the caller, and nothing runs again", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail", times: 1 }]);
    const { handle, runs } = scene(inTurn(201), {}, { store });
    expect((await handle(post("k"))).status).toBe(201);
    expect(replayed(await handle(post("k")))).toBe("true");
    await pass(1_000);
    expect(replayed(await handle(post("k")))).toBe("true");
    expect(runs).toHaveLength(1);
  });

  it("that has something else under the key is 409", async () => {
    const { handle, runs, idempotency } = scene(inTurn(201));
    await idempotency.execute(["http", "nobody", "k"], "1h", () => "no response");
    expect((await problem(await handle(post("k")))).type).toMatch(/#result-unavailable$/);
    expect(runs).toEqual([]);
  });

  it("has the response that an operator found out", async () => {
    const { handle, idempotency, runs } = scene(inTurn(504));
    await handle(post("k"));
    for await (const entry of idempotency.list()) {
      await idempotency.resolve(entry, "1h", { status: 201, body: "found" });
    }
    const again = await handle(post("k"));
    expect([again.status, await again.text(), replayed(again)]).toEqual([201, "found", "true"]);
    expect(runs).toHaveLength(1);
  });
});
