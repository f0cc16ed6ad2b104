import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import * as errors from "../../../src/contract/errors.ts";

const { isIdempotencyError } = errors;
const details = { key: "order:42", cause: new Error("why") };

const all: [string, string, errors.IdempotencyError][] = [
  ["InvalidKeyError", "INVALID_KEY", new errors.InvalidKeyError("m", details)],
  ["InvalidDurationError", "INVALID_DURATION", new errors.InvalidDurationError("INVALID_DURATION", "m")],
  [
    "InvalidDurationError",
    "DURATION_OUT_OF_RANGE",
    new errors.InvalidDurationError("DURATION_OUT_OF_RANGE", "m"),
  ],
  ["InvalidOptionError", "INVALID_OPTION", new errors.InvalidOptionError("m", details)],
  ["InProgressError", "IN_PROGRESS", new errors.InProgressError("m", { ...details, retryAfterMs: 5 })],
  ["KeyReusedError", "KEY_REUSED", new errors.KeyReusedError("m", details)],
  [
    "OutcomeUnknownError",
    "OUTCOME_UNKNOWN",
    new errors.OutcomeUnknownError("m", { ...details, attempt: 2, retryAfterMs: 5 }),
  ],
  ["ResultUnavailableError", "RESULT_UNAVAILABLE", new errors.ResultUnavailableError("m", details)],
  ["StoreError", "STORE_ERROR", new errors.StoreError("m", details)],
  ["LeaseLostError", "LEASE_LOST", new errors.LeaseLostError("m", details)],
  ["ReplayedError", "REPLAYED_ERROR", new errors.ReplayedError({ name: "E", message: "m" }, details)],
];

describe.each(all)("%s, %s", (name, code, error) => {
  it("says what it is", () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(errors.IdempotencyError);
    expect([error.name, error.code, error.constructor.name]).toEqual([name, code, name]);
    expect(error.stack).toContain("errors.test");
    expect(String(error)).toBe(`${name}: ${error.message}`);
  });

  it("has the address of what the guide says of its code, which no listing of its properties shows", () => {
    const anchor = code.toLowerCase().replaceAll("_", "-");
    expect(error.docs).toBe(`https://with-idempotency.github.io/with-idempotency/troubleshooting#${anchor}`);
    expect(Object.keys(error)).not.toContain("docs");
  });

  it("is known by its code, and by no other", () => {
    expect(isIdempotencyError(error)).toBe(true);
    const known = all
      .map(([, each]) => each)
      .filter(each => isIdempotencyError(error, each as "STORE_ERROR"));
    expect(known).toEqual([code]);
  });
});

it("every class is there, with every code", () => {
  const classes = Object.keys(errors).filter(
    name => /^[A-Z].*Error$/.test(name) && name !== "IdempotencyError",
  );
  expect(classes.sort()).toEqual([...new Set(all.map(([name]) => name))].sort());
});

it("an error has a key and a cause only where there are any", () => {
  const bare = new errors.StoreError("m");
  expect(bare.key).toBeUndefined();
  expect("cause" in bare).toBe(false);
  const full = new errors.StoreError("m", details);
  expect([full.key, full.cause]).toEqual(["order:42", details.cause]);
  expect(new errors.StoreError("m", { cause: null }).cause).toBeNull();
});

it("some say more", () => {
  const unknown = new errors.OutcomeUnknownError("m", { ...details, attempt: 2, retryAfterMs: 5 });
  expect([unknown.attempt, unknown.retryAfterMs, unknown.key, unknown.cause]).toEqual([
    2,
    5,
    "order:42",
    details.cause,
  ]);
  expect(new errors.InProgressError("m", { retryAfterMs: 7 }).retryAfterMs).toBe(7);
  const original = { name: "CardError", message: "declined", code: "E_CARD" };
  const replayed = new errors.ReplayedError(original);
  expect(replayed.message).toBe("An earlier run with this key failed: CardError: declined");
  expect(replayed.original).toEqual(original);
});

describe("isIdempotencyError", () => {
  it("knows an error of another copy of the package", () => {
    const brand = Symbol.for("with-idempotency/error");
    const other = runInNewContext("Object.assign(new Error('m'), { code: 'STORE_ERROR', [brand]: true })", {
      brand,
    });
    expect(other).not.toBeInstanceOf(Error);
    expect([isIdempotencyError(other), isIdempotencyError(other, "STORE_ERROR")]).toEqual([true, true]);
    expect(isIdempotencyError(other, "LEASE_LOST")).toBe(false);
  });

  it.each([
    [undefined],
    [null],
    ["STORE_ERROR"],
    [5],
    [{}],
    [new Error("m")],
    [{ code: "STORE_ERROR", name: "StoreError" }],
    [Object.assign(new Error("m"), { code: "STORE_ERROR" })],
    [{ [Symbol.for("with-idempotency/error")]: "yes", code: "STORE_ERROR" }],
    [{ [Symbol("with-idempotency/error")]: true, code: "STORE_ERROR" }],
    [errors.StoreError],
  ])("%o is none", value => {
    expect(isIdempotencyError(value)).toBe(false);
    expect(isIdempotencyError(value, "STORE_ERROR")).toBe(false);
  });

  it("survives what cannot be read", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(isIdempotencyError(proxy)).toBe(false);
  });
});
