import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";
import { deferred } from "../support/calls.ts";
import { post, problem, replayed, scene } from "../support/http.ts";

// What the test suites of hono-idempotency, idempot-js (its feature file for the draft) and node-idempotency ask of a
// server, put to ours by behaviour. Where ours differs on purpose, the name says so.
const ORDER = '{"foo":"bar"}';
const UUID = "8e03978e-40d5-43e8-bc93-6894a57f9324";
const orders = (...given: [options?: Parameters<typeof scene>[1], settings?: Parameters<typeof scene>[2]]) =>
  scene(() => Response.json({ success: true }), ...given);

describe("as idempot-js has it", () => {
  it.each([
    ["a missing key, where required", undefined],
    ["an empty key", ""],
    ["a key with commas", "key,with,commas,longer-than-twenty-chars"],
  ])("%s is 400 with a problem's type, title and detail", async (_, key) => {
    const { handle, runs } = orders({ required: true });
    const told = await problem(await handle(post(key, ORDER)));
    expect(told).toMatchObject({ status: 400, contentType: "application/problem+json" });
    for (const member of ["type", "title", "detail"] as const) expect(told[member]).not.toBe("");
    expect(runs).toEqual([]);
  });

  it.each([UUID, `"${UUID}"`, "abc123456789012345678"])("%s is accepted", async key => {
    expect((await orders().handle(post(key, ORDER))).status).toBe(200);
  });

  it("a duplicate has the same response and a header that says so, and makes no second order, however often", async () => {
    const { handle, runs, idempotency } = orders();
    await handle(post(UUID, ORDER));
    for (let i = 0; i < 3; i++) {
      const again = await handle(post(UUID, ORDER));
      expect([again.status, replayed(again), await again.text()]).toEqual([200, "true", '{"success":true}']);
    }
    expect(runs).toHaveLength(1);
    expect((await idempotency.inspect(["http", "nobody", UUID]))?.state).toBe("completed");
  });

  it("the same key with another body is 422, also while the first is in progress", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(async () => {
      await gate.promise;
      return new Response();
    });
    const first = handle(post(UUID, ORDER));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect((await handle(post(UUID, '{"baz":"qux"}'))).status).toBe(422);
    gate.resolve();
    await first;
    expect((await handle(post(UUID, '{"baz":"qux"}'))).status).toBe(422);
  });

  it("a store that is down is 503", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: 9 }]);
    expect(await problem(await orders({}, { store }).handle(post(UUID, ORDER)))).toMatchObject({
      status: 503,
      contentType: "application/problem+json",
    });
  });

  it("a store that fails to complete does not keep the caller from the response", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail" }]);
    expect((await orders({}, { store }).handle(post(UUID, ORDER))).status).toBe(200);
  });

  it.each(["GET", "PUT", "DELETE"])("%s bypasses", async method => {
    const { handle, runs } = orders({ required: true });
    const body = method === "GET" ? null : ORDER;
    for (let i = 0; i < 2; i++) expect((await handle(post(UUID, body, { method }))).status).toBe(200);
    expect(runs).toHaveLength(2);
  });

  it("PATCH is protected, and an empty body is a body", async () => {
    for (const [method, body] of [
      ["PATCH", ORDER],
      ["POST", ""],
      ["POST", null],
    ] as const) {
      const { handle, runs } = orders();
      for (let i = 0; i < 2; i++) expect((await handle(post(UUID, body, { method }))).status).toBe(200);
      expect(runs).toHaveLength(1);
    }
  });

  it("ours: a key of 256 characters is as good as any", async () => {
    const { handle, runs } = orders();
    for (let i = 0; i < 2; i++) expect((await handle(post("k".repeat(256), ORDER))).status).toBe(200);
    expect(runs).toHaveLength(1);
  });

  it("ours: another key with the same body is another order", async () => {
    const { handle, runs } = orders();
    for (const key of ["key1-12345678901234567", "key2-12345678901234567"]) {
      expect((await handle(post(key, ORDER))).status).toBe(200);
    }
    expect(runs).toHaveLength(2);
  });
});

describe("as hono-idempotency has it", () => {
  it("the status, the type and the other headers come back, and cookies do not", async () => {
    const headers = {
      "content-type": "application/vnd.order+json",
      "x-request-id": "r",
      "set-cookie": "a=1",
    };
    const { handle } = scene(() => new Response("{}", { status: 201, headers }));
    await handle(post(UUID));
    const again = await handle(post(UUID));
    expect(again.status).toBe(201);
    expect(Object.fromEntries(again.headers)).toEqual({
      "content-type": "application/vnd.order+json",
      "x-request-id": "r",
      "idempotency-replayed": "true",
    });
  });

  it("a conflict has Retry-After, where calls do not wait", async () => {
    const gate = deferred<void>();
    const { handle, runs } = scene(
      async () => {
        await gate.promise;
        return new Response();
      },
      {},
      { onConflict: "reject" },
    );
    const first = handle(post(UUID));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect(await problem(await handle(post(UUID)))).toMatchObject({ status: 409, retryAfter: "2" });
    gate.resolve();
    await first;
  });

  it("what the handler throws frees the key, whatever it is", async () => {
    for (const thrown of [new Error("no"), "text"]) {
      let failures = 1;
      const { handle } = scene(() => {
        if (failures-- > 0) throw thrown;
        return new Response("done");
      });
      await expect(handle(post(UUID))).rejects.toBe(thrown);
      expect(await (await handle(post(UUID))).text()).toBe("done");
    }
  });

  it("keys are taken to the letter", async () => {
    const { handle, runs } = orders();
    for (const key of ["a:b", "a%3Ab", "a/b", "..", "a b".replace(" ", "%20"), "__proto__"]) {
      expect(replayed(await handle(post(key)))).toBeNull();
      expect(replayed(await handle(post(key)))).toBe("true");
    }
    expect(runs).toHaveLength(6);
  });

  it("a request of too many bytes is 413, declared or counted, also once its key is completed", async () => {
    const { handle } = orders({ maxRequestBytes: 20 });
    await handle(post(UUID, "x"));
    for (const headers of [new Headers(), new Headers({ "content-length": "21" })]) {
      expect((await handle(post(UUID, "x".repeat(21), { headers }))).status).toBe(413);
    }
    expect(replayed(await handle(post(UUID, "x")))).toBe("true");
  });

  it("ours: the same key at another path is 422, and not a request of its own", async () => {
    const { handle } = orders();
    await handle(post(UUID, ORDER));
    expect((await handle(post(UUID, ORDER, { url: "https://api.example/others" }))).status).toBe(422);
  });

  it.each([299, 300, 400])("ours: %i is kept", async status => {
    const { handle, runs } = scene(() => new Response(null, { status }));
    for (let i = 0; i < 2; i++) expect((await handle(post(UUID))).status).toBe(status);
    expect(runs).toHaveLength(1);
  });

  it("ours: a record that is no response is 409, and the handler does not run again", async () => {
    const { handle, runs, idempotency } = orders();
    await idempotency.execute(["http", "nobody", UUID], "1h", () => ({ status: 9_999 }));
    expect((await handle(post(UUID))).status).toBe(409);
    expect(runs).toEqual([]);
  });
});

describe("as node-idempotency has it", () => {
  it("an error response is replayed, too", async () => {
    const { handle, runs } = scene(() => Response.json({ message: "no such order" }, { status: 404 }));
    await handle(post(UUID));
    const again = await handle(post(UUID));
    expect([again.status, await again.json()]).toEqual([404, { message: "no such order" }]);
    expect(runs).toHaveLength(1);
  });

  it.each([
    ["wait", [200, 200]],
    ["reject", [200, 409]],
  ] as const)("of two at once, with %s, the second gets what that says", async (onConflict, statuses) => {
    const gate = deferred<void>();
    const { handle, runs } = scene(
      async () => {
        await gate.promise;
        return new Response();
      },
      {},
      { onConflict },
    );
    const all = [handle(post(UUID)), handle(post(UUID))];
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    if (onConflict === "reject") await Promise.race(all);
    gate.resolve();
    expect((await Promise.all(all)).map(({ status }) => status).sort()).toEqual(statuses);
    expect(runs).toHaveLength(1);
  });

  it("waiting ends, with an error", async () => {
    const { handle, runs } = scene(() => new Promise<never>(() => {}), {}, { waitTimeout: "0s" });
    void handle(post(UUID));
    await vi.waitFor(() => expect(runs).toHaveLength(1));
    expect((await handle(post(UUID))).status).toBe(409);
  });
});
