import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Serializer } from "../../../src/contract/options.ts";
import {
  decodeOutcome,
  encodeError,
  encodeNoResult,
  encodeResult,
  outcomeLimit,
} from "../../../src/results/outcome-text.ts";
import { caught } from "../../support/caught.ts";
import { cyclicData, expectDeepEqual, plainData } from "../../support/plain-data.ts";
import { unstorable } from "../../support/unstorable.ts";

const own: Serializer = { stringify: value => `<${String(value)}>\n`, parse: text => text.slice(1, -2) };
const decode = (text: string, serializer?: Serializer) => decodeOutcome(text, serializer, "order:42");
const unavailable = (text: string, serializer?: Serializer) =>
  caught(() => decode(text, serializer), "RESULT_UNAVAILABLE");

describe("a result", () => {
  it.each([["sent"], [42], [null], [true], [{ id: "m1", to: ["ada"] }], ["~1g"], ["line\nfeed\n"]])(
    "%j is its JSON",
    value => {
      const { text, failure } = encodeResult(value, undefined);
      const end = typeof value === "number" ? "\n" : "";
      expect([text, failure]).toEqual([`${JSON.stringify(value)}${end}`, undefined]);
      expect(decode(text)).toEqual(value);
    },
  );

  it("undefined has a text too", () => {
    expect(encodeResult(undefined, undefined)).toEqual({ text: "~1g-1\n" });
    expect(decode("~1g-1\n")).toBeUndefined();
  });

  it("comes back deep-equal", () => {
    fc.assert(
      fc.property(fc.oneof(plainData(), cyclicData), value => {
        const { text, failure } = encodeResult(value, undefined);
        expect(failure).toBeUndefined();
        expectDeepEqual(decode(text), value);
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  it("is well-formed Unicode as a text, whatever the value", () => {
    for (const value of ["\ud800", { "\udfff": undefined }, ["\0"]]) {
      const { text } = encodeResult(value, undefined);
      expect(text).toMatch(/^[\x20-\x7e]+\n?$/);
      expectDeepEqual(decode(text), value);
    }
  });

  it("of another call shares nothing with the first", () => {
    const { text } = encodeResult({ list: [1] }, undefined);
    expect(decode(text)).not.toBe(decode(text));
  });
});

describe("what cannot be kept", () => {
  it.each(unstorable)("$what becomes a text that says so", ({ make }) => {
    for (const value of [make(), { deep: [make()] }]) {
      const { text, failure } = encodeResult(value, undefined);
      expect(failure?.error).toBeInstanceOf(Error);
      expect(unavailable(text)).toMatchObject({
        key: "order:42",
        message: expect.stringMatching(
          /^The run with this key completed, but it could not be stored faithfully \(result.*: .+\)\. It will not run again\.$/,
        ),
      });
    }
  });

  it("says why in less than 4 KiB, whatever a serializer says of a result", () => {
    const stringify = () => {
      throw new Error("\0".repeat(100_000));
    };
    const { text } = encodeResult({}, { stringify, parse: JSON.parse });
    expect(text.length).toBeLessThan(4_096);
    expect(caught(() => decode(text), "RESULT_UNAVAILABLE").message).toContain("\0. It will not run again.");
  });

  it("has a reason of its own", () => {
    const text = encodeNoResult('it is "too large"\n');
    expect(unavailable(text).message).toContain('but it is "too large"\n. It will not');
  });
});

describe("what takes more bytes than it may", () => {
  it.each([
    ['"sent"', "sent", 6],
    ['"é€😀"', "é€😀", 11],
    [`"${"a".repeat(1_000)}"`, "a".repeat(1_000), 1_002],
  ])("%s takes its bytes in UTF-8, and one less is too few", (text, value, bytes) => {
    expect(encodeResult(value, undefined, bytes)).toEqual({ text });
    const { text: instead, failure } = encodeResult(value, undefined, bytes - 1);
    const why = `it takes more than ${bytes - 1} bytes (\`maxResultBytes\`, or the store's limit)`;
    expect(failure?.error).toEqual(new RangeError(why));
    expect(unavailable(instead).message).toBe(
      `The run with this key completed, but its result was not stored: ${why}. It will not run again.`,
    );
  });

  it("becomes a text that says so, of an error too", () => {
    const error = unavailable(encodeError(new Error("x".repeat(100)), 50));
    expect(error.message).toContain("but its error was not stored: it takes more than 50 bytes");
  });

  it.each([
    [100, undefined, 100],
    [100, 99, 99],
    [100, 101, 100],
  ])(
    "is the less of what the caller and the store allow: %s, %s",
    (maxResultBytes, maxOutcomeBytes, limit) => {
      const store = maxOutcomeBytes === undefined ? {} : { maxOutcomeBytes };
      expect(outcomeLimit({ maxResultBytes }, store)).toBe(limit);
    },
  );
});

describe("a serializer of the caller's", () => {
  it("writes and reads the text, whatever that is", () => {
    const { text } = encodeResult("sent", own);
    expect(text).toBe('~1s"<sent>\\n"\n');
    expect(decode(text, own)).toBe("sent");
  });

  it.each<[unknown, string]>([
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [{ text: "sent" }, "an object with text"],
  ])("may not give %j for a text", (value, shown) => {
    const { text, failure } = encodeResult("sent", { ...own, stringify: () => value as string });
    expect(failure?.error).toEqual(new TypeError(`serializer.stringify: expected a string; got ${shown}`));
    expect(unavailable(text, own).message).toContain("it could not be stored faithfully");
  });

  it.each([new Error("oh"), "oh", null])("may throw %o when it writes", thrown => {
    const stringify = () => {
      throw thrown;
    };
    const { text, failure } = encodeResult("sent", { ...own, stringify });
    expect(failure).toEqual({ error: thrown });
    expect(unavailable(text, own).message).toContain("it could not be stored faithfully");
  });

  it("may throw when it reads", () => {
    const cause = new Error("oh");
    const parse = () => {
      throw cause;
    };
    const error = unavailable(encodeResult("sent", own).text, { ...own, parse });
    expect(error).toMatchObject({ key: "order:42", cause });
    expect(error.message).toContain("its stored result cannot be read back");
  });

  it("is needed to read what it wrote, and not for anything else", () => {
    const error = unavailable(encodeResult("sent", own).text);
    expect(error.key).toBe("order:42");
    expect(error.message).toContain("its result was stored by a `serializer` that is not given");
    for (const value of [[1], undefined]) {
      expect(decode(encodeResult(value, undefined).text, own)).toEqual(value);
    }
  });
});

describe("an error", () => {
  const replayed = (error: unknown) => caught(() => decode(encodeError(error)), "REPLAYED_ERROR").original;

  it("is replayed by name, message and code", () => {
    const declined = Object.assign(new RangeError("declined"), { code: "E_CARD", secret: "4111" });
    const error = caught(() => decode(encodeError(declined)), "REPLAYED_ERROR");
    expect(error).toMatchObject({
      key: "order:42",
      message: "An earlier run with this key failed: RangeError: declined",
      original: { name: "RangeError", message: "declined", code: "E_CARD" },
    });
    expect(encodeError(declined)).not.toContain("4111");
  });

  it.each<[unknown, object]>([
    [
      { name: "Odd", message: "m", code: 7 },
      { name: "Odd", message: "m", code: 7 },
    ],
    [
      { name: 1, message: 2, code: Number.NaN },
      { name: "Error", message: "[object Object]", code: undefined },
    ],
    [new Error("m", { cause: 1 }), { name: "Error", message: "m", code: undefined }],
    [Object.assign(new Error("m"), { code: {} }), { name: "Error", message: "m", code: undefined }],
    ["declined", { name: "Error", message: "declined", code: undefined }],
    [undefined, { name: "Error", message: "undefined", code: undefined }],
    [null, { name: "Error", message: "null", code: undefined }],
    [5n, { name: "Error", message: "5", code: undefined }],
    [Symbol("s"), { name: "Error", message: "Symbol(s)", code: undefined }],
    [Object.create(null), { name: "Error", message: "an error that cannot be read", code: undefined }],
  ])("%o is kept as what can be", (thrown, original) => {
    expect(replayed(thrown)).toEqual(original);
  });

  it("that cannot be read is kept as that", () => {
    const thrower = {
      get message(): string {
        throw new Error("not for you");
      },
    };
    expect(replayed(thrower)).toEqual({ name: "Error", message: "an error that cannot be read" });
  });
});

describe("a text that it did not write is never a result, and never absent", () => {
  const samples = [
    encodeResult({ id: "m1", to: ["ada", null, 5], deep: { a: true } }, undefined).text,
    encodeResult(42, undefined).text,
    encodeResult([undefined, new Map([[1n, new Date(0)]]), Uint8Array.of(1, 2)], undefined).text,
    encodeResult(undefined, undefined).text,
    encodeResult("sent", own).text,
    encodeNoResult("of a reason"),
    encodeError(new Error("oh")),
  ];

  it.each(samples)("cut short anywhere: %j", text => {
    for (let length = 0; length < text.length; length += 1) {
      const cut = text.slice(0, length);
      expect(unavailable(cut, own).cause, cut).toMatchObject({ message: expect.stringMatching(/./) });
    }
  });

  it.each([
    "",
    "\n",
    "hello\n",
    "<html></html>\n",
    '{"id":1}{"id":2}\n',
    "undefined\n",
    "~\n",
    "~1\n",
    "~1g\n",
    "~1gnull\n",
    '~1g[["Nonsense"]]\n',
    '~1g[["Function","cmV0dXJuIDE="]]\n',
    '~1g[["Array",1]]\n',
    "~1s\n",
    "~1sent\n",
    "~1s5\n",
    "~1snull\n",
    "~1n\n",
    "~1e\n",
    "~1enull\n",
    "~1e5\n",
    "~1e{}\n",
    '~1e{"name":"Error"}\n',
    '~1e{"message":"oh"}\n',
    '~1e{"name":5,"message":"oh"}\n',
    '~1e{"name":"Error","message":"oh","code":{}}\n',
  ])("foreign: %j", text => {
    expect(unavailable(text, own).key).toBe("order:42");
  });

  it.each(["~2g[1]\n", "~2\n", '~2s"<sent>"\n', "~1z{}\n", "~10g-1\n", "~0g-1\n"])(
    "of another version: %j",
    text => {
      expect(unavailable(text, own).message).toContain(
        "its record is of a form that this version of the package does not know",
      );
    },
  );

  it("whatever it is: it reads as data or as unavailable", () => {
    const start = fc.constantFrom("", "~", "~1", "~1g", "~1g[", "~1s", "~1n", "~1e", "~2g");
    const end = fc.constantFrom("\n", "");
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.json());
    fc.assert(
      fc.property(start, text, end, (...parts) => {
        try {
          decode(parts.join(""));
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^(RESULT_UNAVAILABLE|REPLAYED_ERROR)$/),
          });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("and touches no prototype", () => {
    const hostile = [
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\n',
      '~1g[["Object","__proto__",1,"constructor",1],["Object","polluted",2],1]\n',
      '~1g[["Sparse",1,"__proto__",1],["Object","polluted",2],1]\n',
    ];
    for (const text of hostile) {
      const value = decode(text) as object;
      expect(Object.hasOwn(value, "__proto__")).toBe(true);
      expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value));
    }
    caught(() => decode('~1e{"name":"E","message":"m","__proto__":{"polluted":1}}\n'), "REPLAYED_ERROR");
    for (const clean of [{}, [], Object, new Error("clean")]) expect(clean).not.toHaveProperty("polluted");
  });
});
