import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { createIdempotency, makeIdempotent, memoryStore } from "../../../src/index.ts";
import { rejection, unhandledDuring } from "../../support/calls.ts";

describe("makeIdempotent", () => {
  it("runs once for each key that its arguments give", async () => {
    const send = vi.fn(async (userId: string, text: string) => ({ userId, text }));
    const sendOnce = makeIdempotent(send, {
      key: userId => ["mail", userId],
      ttl: "1h",
      store: memoryStore(),
    });
    expectTypeOf(sendOnce).returns.resolves.toEqualTypeOf<{ userId: string; text: string }>();
    expect(await sendOnce("ann", "hello")).toEqual({ userId: "ann", text: "hello" });
    expect(await sendOnce("ann", "again")).toEqual({ userId: "ann", text: "hello" });
    expect(await sendOnce("bob", "hi")).toEqual({ userId: "bob", text: "hi" });
    expect(send.mock.calls).toEqual([
      ["ann", "hello"],
      ["bob", "hi"],
    ]);
  });

  it("keeps this, for the function and for its key and fingerprint", async () => {
    const store = memoryStore();
    class Mailer {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
      send = makeIdempotent(
        function (this: Mailer, to: string) {
          return `${this.name} → ${to}`;
        },
        { key: to => ["mail", to], ttl: "1h", store },
      );
    }
    const mailer = new Mailer("m1");
    expect(await mailer.send("ann")).toBe("m1 → ann");
    expect(await new Mailer("m2").send("ann")).toBe("m1 → ann");

    const seen: unknown[] = [];
    const spy = function (this: unknown) {
      seen.push(this);
      return "k";
    };
    const owner = { call: makeIdempotent(() => 1, { key: spy, fingerprint: spy, ttl: "1h", store }) };
    await owner.call();
    expect(seen).toEqual([owner, owner]);
  });

  it("hands the fingerprint of the arguments on", async () => {
    const send = vi.fn((_id: string, text: string) => text);
    const sendOnce = makeIdempotent(send, {
      key: id => id,
      fingerprint: (_id, text) => text,
      ttl: "1h",
      store: memoryStore(),
    });
    await sendOnce("k", "hello");
    expect(await sendOnce("k", "hello")).toBe("hello");
    expect(await rejection(sendOnce("k", "other"))).toMatchObject({ code: "KEY_REUSED" });
    expect(send).toHaveBeenCalledTimes(1);
  });

  it("hands its options on", async () => {
    const onError = vi.fn(() => "hold" as const);
    const failing = makeIdempotent(() => Promise.reject(new Error("no")), {
      key: () => "k",
      ttl: "1h",
      store: memoryStore(),
      onError,
    });
    await rejection(failing());
    expect(onError).toHaveBeenCalledTimes(1);
    expect(await rejection(failing())).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  });

  it.each(["key", "fingerprint"] as const)(
    "rejects with what its %s throws, and does not run",
    async name => {
      const error = new Error("no id");
      const fn = vi.fn();
      const config = { key: () => "k", ttl: "1h" as const, store: memoryStore() };
      const thrower = () => {
        throw error;
      };
      expect(await rejection(makeIdempotent(fn, { ...config, [name]: thrower })())).toBe(error);
      expect(fn).not.toHaveBeenCalled();
    },
  );

  it("rejects a key that is none, and does not run", async () => {
    const fn = vi.fn();
    const call = makeIdempotent(fn, { key: () => "", ttl: "1h", store: memoryStore() });
    expect(await rejection(call())).toMatchObject({ code: "INVALID_KEY" });
    expect(fn).not.toHaveBeenCalled();
  });

  it("uses the defaults of its instance, and its own options before them", async () => {
    const store = memoryStore();
    const instance = createIdempotency({ store, namespace: "n", onError: () => "hold" });
    const fail = () => Promise.reject(new Error("no"));
    await rejection(instance.makeIdempotent(fail, { key: () => "a", ttl: "1h" })());
    await rejection(instance.makeIdempotent(fail, { key: () => "b", ttl: "1h", onError: () => "release" })());
    expect(await instance.inspect("a")).toMatchObject({ state: "uncertain" });
    expect(await instance.inspect("b")).toMatchObject({ state: "released" });
  });

  it("leaves a rejected fingerprint to nobody where the key is bad", async () => {
    const config = { key: () => "", ttl: "1h", fingerprint: () => Promise.reject(new Error("no")) } as const;
    const unhandled = await unhandledDuring(async () => {
      expect(await rejection(makeIdempotent(() => 1, config)())).toMatchObject({ code: "INVALID_KEY" });
    });
    expect(unhandled).toEqual([]);
  });

  it("checks its configuration at once", () => {
    const config = { key: () => "k", ttl: "1h" };
    const make = (fn: unknown, given: unknown) => () => makeIdempotent(fn as () => void, given as never);
    const fn = () => {};
    expect(make("fn", config)).toThrow('fn: expected a function; got "fn"');
    expect(make(fn, undefined)).toThrow("config: expected a plain object with key and ttl; got undefined");
    expect(make(fn, null)).toThrow("config: expected a plain object with key and ttl; got null");
    expect(make(fn, "1h")).toThrow('config: expected a plain object with key and ttl; got "1h"');
    expect(make(fn, Promise.resolve(config))).toThrow(/^config: expected a plain object .*; got a promise$/);
    expect(make(fn, { ttl: "1h" })).toThrow("key: expected a function; got undefined");
    expect(make(fn, { ...config, key: "k" })).toThrow('key: expected a function; got "k"');
    expect(make(fn, { ...config, fingerprint: 1 })).toThrow("fingerprint: expected a function; got 1");
    expect(make(fn, { ...config, ttl: 60 })).toThrow(/^ttl: expected a duration .*; got 60/);
    expect(make(fn, { ...config, ttl: "25h" })).toThrow(/^ttl: expected from 1 s to 24 h/);
    expect(make(fn, { ...config, lease: "0s" })).toThrow(/^lease: expected from 1 s to 24 h/);
    expect(make(fn, { ...config, lesae: "1s" })).toThrow(/^options: expected one of store, .*; got "lesae"$/);
  });
});
