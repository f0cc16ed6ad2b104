import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  callerKey,
  type Key,
  keyText,
  namespacePrefix,
  RECOMMENDED_KEY_LENGTH,
  storeKey,
} from "../../../src/contract/key.ts";
import { digest } from "../../../src/util/sha256.ts";
import { caught } from "../../support/caught.ts";

const LONG = "x".repeat(RECOMMENDED_KEY_LENGTH);

describe("the text of a key", () => {
  it.each([
    "order:42",
    " padded ",
    "Case",
    "e\u0301",
    "\u00e9",
    "😀",
    "a\0b",
    "%",
    "*",
    "'\"",
    "\\",
    ":",
    LONG,
  ])("%j is taken to the letter", key => {
    expect(keyText(key)).toBe(key);
  });

  it.each<[Key, string]>([
    [["order", 42], "order:42"],
    [["order", "42"], "order:42"],
    [["order", 42n], "order:42"],
    [[true, false], "true:false"],
    [["a:b", "c"], "a\\:b:c"],
    [["a", "b:c"], "a:b\\:c"],
    [["a\\", "b"], "a\\\\:b"],
    [["a", " ", "b"], "a: :b"],
    [[0.5, -0], "0.5:0"],
    [["alone"], "alone"],
  ])("%o", (key, text) => {
    expect(keyText(key)).toBe(text);
  });

  it("is of any length", () => {
    const key = "k".repeat(10_000_000);
    expect(keyText(key)).toBe(key);
  });

  it.each<[unknown, string]>([
    ["", '""'],
    ["  \t\n\u00a0", "nothing but white space"],
    [[" "], "nothing but white space"],
    [[], "an empty array"],
    [["a", ""], "an empty string as part 1"],
    [["a", undefined], "undefined as part 1"],
    [[null], "null as part 0"],
    [["a", Number.NaN], "NaN as part 1"],
    [["a", Number.POSITIVE_INFINITY], "Infinity as part 1"],
    [["a", ["b"]], "an array of 1 as part 1"],
    [["a", { b: 1 }], "an object with b as part 1"],
    [["a", Symbol("b")], "Symbol(b) as part 1"],
    [["a", Promise.resolve("b")], "a promise as part 1"],
    [Promise.resolve("k"), "a promise"],
    [new Array(2), "undefined as part 0"],
    [undefined, "undefined"],
    [null, "null"],
    [42, "42"],
    [42n, "42n"],
    [true, "true"],
    [{ id: 1 }, "an object with id"],
    [() => "k", "a function"],
    ["lone \ud800", "a lone surrogate"],
    ["\udc00\ud800", "a lone surrogate"],
    [["a", "\udfff"], "a lone surrogate"],
  ])("%o is refused", (key, got) => {
    const error = caught(() => keyText(key as Key), "INVALID_KEY");
    expect(error.message).toMatch(/^key: expected a non-empty string, or an array .*; got /);
    expect(error.message.slice(error.message.indexOf("; got "))).toContain(got);
  });

  it("is the same for two arrays only where their parts are", () => {
    const part = fc.string({ unit: fc.constantFrom("a", ":", "\\"), minLength: 1, maxLength: 4 });
    const parts = fc.array(part, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        expect(keyText(one) === keyText(two)).toBe(JSON.stringify(one) === JSON.stringify(two));
      }),
      { numRuns: 2_000 },
    );
  });

  it("gives its parts back", () => {
    const part = fc.oneof(fc.string({ unit: "binary", minLength: 1 }), fc.bigInt(), fc.boolean());
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), parts => {
        const text = caughtWhite(parts);
        if (text === undefined) return;
        const back = text.match(/(?:\\[\\:]|[^\\:])+/gu)!.map(each => each.replace(/\\([\\:])/g, "$1"));
        expect(back).toEqual(parts.map(String));
      }),
    );
  });
});

/** The key's text; undefined for the only thing that parts of well-formed text can be refused for. */
function caughtWhite(parts: Key): string | undefined {
  try {
    return keyText(parts);
  } catch {
    expect(String(parts).trim()).toBe("");
    return undefined;
  }
}

describe("the place in a store", () => {
  /** All texts of those characters up to a length, the empty one left out. */
  function texts(alphabet: string, length: number): string[] {
    if (length === 0) return [];
    const shorter = texts(alphabet, length - 1);
    const longest = ["", ...shorter].filter(text => text.length === length - 1);
    return [...shorter, ...longest.flatMap(text => [...alphabet].map(character => text + character))];
  }

  it("is another for every other pair of namespace and key", () => {
    const namespaces = [undefined, ...texts("a:\\", 4)];
    const keys = texts("a:\\", 5);
    const places = new Set(namespaces.flatMap(namespace => keys.map(key => storeKey(namespace, key))));
    expect(places.size).toBe(namespaces.length * keys.length);
  });

  it("is the key itself where that is plain", () => {
    expect(storeKey(undefined, "order:42")).toBe("order:42");
    expect(storeKey("mail", "order:42")).toBe(":mail:order:42");
    expect(storeKey(undefined, LONG)).toBe(LONG);
  });

  it.each([
    [undefined, `${LONG}x`],
    [undefined, `:${LONG}`],
    ["mail", `${LONG}x`],
    ["n".repeat(43), LONG],
    ["n".repeat(246), LONG],
  ])("is a digest behind the namespace where it would be long: %s, %s", (namespace, key) => {
    expect(storeKey(namespace, key)).toBe(`${namespacePrefix(namespace)}::sha256:${digest(key)}`);
    expect(namespacePrefix(namespace)).toBe(namespace === undefined ? "" : `:${namespace}:`);
  });

  it("has a digest of a namespace beside which there is no room", () => {
    const namespace = "n".repeat(247);
    expect(storeKey(namespace, "k")).toBe(`:\\sha256.${digest(namespace)}:k`);
    expect(storeKey(namespace, LONG)).toBe(`:\\sha256.${digest(namespace)}:::sha256:${digest(LONG)}`);
    expect(storeKey("\\sha256.", "k")).toBe(":\\\\sha256.:k");
  });

  it("keeps 42 characters of namespace beside a key of the recommended length", () => {
    expect(storeKey("n".repeat(42), LONG)).toBe(`:${"n".repeat(42)}:${LONG}`);
  });

  it("is never one that a caller could name", () => {
    const place = storeKey(undefined, `${LONG}x`);
    for (const text of [place, place.slice(1), place.slice(2)]) {
      for (const namespace of [undefined, "sha256", ":", "::sha256"]) {
        expect(storeKey(namespace, text)).not.toBe(place);
      }
    }
  });

  it("in a namespace is never one that a caller could name there", () => {
    const place = storeKey("mail", `${LONG}x`);
    for (const text of [place, place.slice(1), place.slice(":mail".length), place.slice(":mail:".length)]) {
      expect(storeKey("mail", text)).not.toBe(place);
    }
  });

  it("stays within 300 characters", () => {
    const text = fc.string({ minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(fc.option(text, { nil: undefined }), text, (namespace, key) => {
        expect(storeKey(namespace, key).length).toBeLessThanOrEqual(300);
      }),
    );
    expect(storeKey(undefined, "k".repeat(10_000_000)).length).toBe(52);
  });
});

describe("a caller's key", () => {
  const text = fc.string({
    minLength: 1,
    maxLength: 300,
    unit: fc.constantFrom("a", ":", "\\", "x".repeat(9)),
  });
  const namespace = fc.option(text, { nil: undefined });

  it("is read back from its place, or known to be a digest", () => {
    fc.assert(
      fc.property(namespace, text, (namespace, key) => {
        const isWhole = key.length <= 256 && namespacePrefix(namespace).length + key.length + 2 <= 300;
        const { text } = callerKey(namespace, storeKey(namespace, key))!;
        if (isWhole) expect(text).toBe(key);
        else expect([undefined, key]).toContain(text);
      }),
    );
  });

  it("is not found in another namespace", () => {
    fc.assert(
      fc.property(namespace, namespace, text, (mine, other, key) => {
        fc.pre(mine !== other);
        expect(callerKey(other, storeKey(mine, key))).toBeUndefined();
      }),
    );
  });

  it("is unknown where its place has a digest", () => {
    expect(callerKey("mail", storeKey("mail", `${LONG}x`))).toEqual({ text: undefined });
    expect(callerKey(undefined, storeKey(undefined, `${LONG}x`))).toEqual({ text: undefined });
  });
});
