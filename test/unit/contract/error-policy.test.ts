import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certainlyNotDone, interruptedInTransit } from "../../../src/contract/error-policy.ts";
import { BARE, error, hangUp, LOST, NOT_LOST, noConnection, refused, reset } from "./error-policy.shapes.ts";

const throwing = (...properties: string[]): object =>
  Object.defineProperties(
    new Error(),
    Object.fromEntries(properties.map(property => [property, { get: () => expect.fail(property) }])),
  );
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const cycle = (properties: object): Error => {
  const first = error(properties);
  return Object.assign(first, { cause: error({ cause: first, errors: [first] }) });
};
const WRAPPERS = ["cause", "error", "detail", "original", "originalError", "reason", "raw", "innerError"];
/** A chain of 100,000 wrappers of each kind in turn. */
const deep = (inner: object): object => {
  let chain = inner;
  for (let link = 0; link < 100_000; link += 1) chain = { [WRAPPERS[link % WRAPPERS.length]!]: chain };
  return chain;
};
const endless = (): object => ({
  get cause() {
    return endless();
  },
  get errors() {
    return { length: Infinity };
  },
});

describe("interruptedInTransit", () => {
  test.each(LOST)("true: %s", (_, thrown) => {
    expect(interruptedInTransit(thrown)).toBe(true);
  });

  test.each(NOT_LOST)("false: %s", (_, thrown) => {
    expect(interruptedInTransit(thrown)).toBe(false);
  });

  test.each(BARE)("true: a bare %j; with a cause, that decides", message => {
    expect(interruptedInTransit(new TypeError(message))).toBe(true);
    expect(interruptedInTransit(new TypeError(message, { cause: reset }))).toBe(true);
    expect(interruptedInTransit(new TypeError(message, { cause: refused }))).toBe(false);
    expect(interruptedInTransit(new TypeError(message, { cause: new Error("blocked") }))).toBe(false);
    expect(interruptedInTransit(new Error(`${message} while reading the invoice`))).toBe(false);
  });

  test("true: a network error of axios that a browser does not explain", () => {
    expect(interruptedInTransit(error({ code: "ERR_NETWORK", cause: null }))).toBe(true);
  });

  test.each([
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "UND_ERR_CONNECT_TIMEOUT",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ])("false: %s under a name or code that says less", code => {
    expect(interruptedInTransit(error({ name: "TimeoutError", code }))).toBe(false);
    expect(interruptedInTransit(error({ code: "ESOCKET", originalCode: code }))).toBe(false);
  });

  test("several addresses tried: false where none connected, whatever code the whole was given", () => {
    const tried = Object.assign(new AggregateError([noConnection, refused]), { code: "ETIMEDOUT" });
    expect(interruptedInTransit(tried)).toBe(false);
    expect(interruptedInTransit(new TypeError("fetch failed", { cause: tried }))).toBe(false);
    expect(interruptedInTransit(error({ name: "TimeoutError", code: "ETIMEDOUT", cause: tried }))).toBe(
      false,
    );
    expect(interruptedInTransit(Object.assign(new AggregateError([noConnection, hangUp])))).toBe(true);
  });

  test("several tries: true as soon as one may have got through, the first or the last", () => {
    expect(interruptedInTransit(error({ code: "ECONNREFUSED", syscall: "connect", cause: hangUp }))).toBe(
      true,
    );
    expect(interruptedInTransit(error({ code: "ECONNRESET", cause: refused }))).toBe(true);
    expect(interruptedInTransit(error({ code: "ETIMEDOUT", syscall: "read", cause: noConnection }))).toBe(
      true,
    );
    expect(interruptedInTransit(error({ code: "ETIMEDOUT", cause: refused }))).toBe(true);
    expect(interruptedInTransit(error({ status: 502, cause: refused }))).toBe(true);
    expect(interruptedInTransit(new AggregateError([refused, noConnection, reset]))).toBe(true);
  });

  test.each<[string, unknown, boolean]>([
    ["null", null, false],
    ["undefined", undefined, false],
    ["a string", "ECONNRESET", false],
    ["a number", 502, false],
    ["a symbol", Symbol("ECONNRESET"), false],
    ["a function", Object.assign(() => {}, { code: "ECONNRESET" }), true],
    ["an object without a prototype", Object.assign(Object.create(null), { code: "ECONNRESET" }), true],
    ["a frozen error", Object.freeze(error({ code: "ECONNRESET" })), true],
    ["a revoked proxy", revoked(), false],
    ["revoked proxies all over", error({ cause: revoked(), errors: revoked(), response: revoked() }), false],
    ["a revoked proxy beside a reset", error({ errors: [revoked(), hangUp] }), true],
    [
      "getters that throw",
      throwing("code", "name", "message", "cause", "errors", "response", "$metadata"),
      false,
    ],
    [
      "getters that throw around a reset",
      Object.assign(throwing("code", "message"), { cause: hangUp }),
      true,
    ],
    ["a cycle", cycle({}), false],
    ["a cycle with a reset", cycle({ code: "ECONNRESET" }), true],
    [
      "its own cause",
      (() => {
        const own: { cause?: object } = {};
        own.cause = own;
        return own;
      })(),
      false,
    ],
    ["errors that are no list", error({ errors: { email: hangUp } }), false],
    ["a list of a nonsensical length", error({ errors: { length: "2", 0: hangUp } }), false],
    ["an endless chain", endless(), false],
  ])("survives %s", (_, thrown, expected) => {
    expect(interruptedInTransit(thrown)).toBe(expected);
  });

  test("survives causes shared level upon level, and a very long chain", { timeout: 60_000 }, () => {
    let shared: object = noConnection;
    for (let level = 0; level < 100; level += 1) shared = new AggregateError([shared, shared]);
    expect(interruptedInTransit(shared)).toBe(false);
    expect(interruptedInTransit(deep(hangUp))).toBe(true);
    expect(interruptedInTransit(deep(refused))).toBe(false);
  });
});

describe("interruptedInTransit, for any error", () => {
  const shape = fc.constantFrom(...[...LOST, ...NOT_LOST].map(([, thrown]) => thrown));

  test("answers, whatever is thrown", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withDate: true, withBigInt: true }), thrown => {
        expect(interruptedInTransit(thrown)).toBeTypeOf("boolean");
        expect(interruptedInTransit(new Error("wrapped", { cause: thrown }))).toBe(
          interruptedInTransit(thrown),
        );
      }),
    );
  });

  const FIELDS = [
    "name",
    "message",
    "code",
    "syscall",
    "command",
    "details",
    "remote",
    "status",
    "statusCode",
  ];
  const MORE = ["httpStatusCode", "error_code", "responseCode", "response", "$metadata", "headers", "errors"];

  test("answers, whatever stands where one of its fields is read", () => {
    // Made anew each time: fast-check asks values what they are, which a revoked proxy does not answer.
    const odd = fc.constantFrom<() => unknown>(
      () => Object.create(null),
      revoked,
      () => Symbol("s"),
      () => 1n,
      () => revoked,
      () => [Object.create(null)],
      () => null,
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...FIELDS, ...MORE), odd), fields => {
        const thrown = new Error("own");
        for (const [name, make] of Object.entries(fields))
          Object.defineProperty(thrown, name, { value: make() });
        expect([interruptedInTransit(thrown), certainlyNotDone(thrown)]).toEqual([false, false]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a wrapper changes nothing, one that repeats the code of its cause neither", () => {
    fc.assert(
      fc.property(shape, fc.array(fc.boolean(), { maxLength: 20 }), (thrown, wrappers) => {
        let wrapped: object = thrown;
        for (const repeats of wrappers) {
          const { code } = wrapped as { code?: unknown };
          wrapped = Object.assign(new Error("failed", { cause: wrapped }), repeats ? { code } : {});
        }
        expect(interruptedInTransit(wrapped)).toBe(interruptedInTransit(thrown));
      }),
    );
  });

  test("several failures count as one that counts", () => {
    fc.assert(
      fc.property(fc.array(shape), failures => {
        expect(interruptedInTransit(new AggregateError(failures))).toBe(failures.some(interruptedInTransit));
      }),
    );
  });
});
