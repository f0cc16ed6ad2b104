import { expect, it } from "vitest";
import { disown, isPromise } from "../../../src/util/awaitable.ts";
import { unhandledDuring } from "../../support/calls.ts";

const callable = Object.assign(() => {}, { then() {} });

it.each([Promise.resolve(), { then() {} }, callable, Object.create({ then() {} })])(
  "%o is a promise",
  value => {
    expect(isPromise(value)).toBe(true);
  },
);

it.each([undefined, null, 0, "then", true, 1n, Symbol.iterator, {}, () => {}, { then: 1 }, { then: null }])(
  "%o is a value",
  value => {
    expect(isPromise(value)).toBe(false);
  },
);

it("a string is none, even if somebody gave all of them a then", () => {
  Object.defineProperty(String.prototype, "then", { value() {}, configurable: true });
  try {
    expect(isPromise("text")).toBe(false);
  } finally {
    Reflect.deleteProperty(String.prototype, "then");
  }
});

it("disowns whatever it is", async () => {
  const error = new Error("nobody's");
  const once = { asked: 0 };
  const refused = [
    undefined,
    "text",
    Promise.reject(error),
    { then: () => expect.fail("a query that nobody wants is sent") },
    {
      then() {
        throw error;
      },
    },
    Object.defineProperty({}, "then", {
      get() {
        if (once.asked++ > 0) throw error;
        return () => {};
      },
    }),
    Object.defineProperty(Promise.resolve(), "constructor", {
      get() {
        throw error;
      },
    }),
  ];
  expect(await unhandledDuring(() => refused.forEach(disown))).toEqual([]);
  expect(once.asked).toBe(0);
});
