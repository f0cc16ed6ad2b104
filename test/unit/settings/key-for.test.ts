import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../../src/contract/fingerprint.ts";
import { keyText } from "../../../src/contract/key.ts";
import { readSettings } from "../../../src/settings/read-settings.ts";
import type { SettingsJson } from "../../../src/settings/settings.ts";
import { caught } from "../../support/caught.ts";

const settingsOf = (key: string, unlessChanged?: SettingsJson["unlessChanged"]) =>
  readSettings({ key, time: 5, unit: "minutes", unlessChanged });
const keyOf = (key: string, data: unknown, unlessChanged?: SettingsJson["unlessChanged"]) =>
  settingsOf(key, unlessChanged).keyFor(data);

describe("a key", () => {
  it.each<[string, unknown, string]>([
    [
      "order-shipped:{{order.id}}:{{user.id}}",
      { order: { id: 1041 }, user: { id: 7 } },
      "order-shipped:[1041]:[7]",
    ],
    ["{{id}}", { id: "evt_1" }, "[evt_1]"],
    ["a{{x}}{{y}}b", { x: 1, y: 23 }, "a[1][23]b"],
    ["{{a}}/{{b}}/{{c}}/{{d}}", { a: true, b: 10n, c: -0, d: 1e21 }, "[true]/[10]/[0]/[1e+21]"],
    ["{{a}}", { a: "[#]\\" }, "[\\[#\\]\\\\]"],
    ["{{a}}", { a: "#1" }, "[\\#1]"],
    ["[a] \\ #", {}, "\\[a\\] \\\\ #"],
    ["{{x}}", { x: " padded " }, "[ padded ]"],
    ["{{x}}", { x: "a\0b😀" }, "[a\0b😀]"],
    ["{{items.1.sku}}", { items: [{}, { sku: "ink" }] }, "[ink]"],
    ["nightly-report", undefined, "nightly-report"],
    [String.raw`\{{x}}:{{x}}`, { x: 0 }, "{{x}}:[0]"],
  ])("of %s", (template, data, key) => {
    expect(keyOf(template, data)).toBe(key);
    expect(keyText(keyOf(template, data))).toBe(key);
  });

  it("is one for values of one text", () => {
    for (const values of [
      [5, "5", 5n],
      [true, "true"],
      [0, -0, "0", 0n],
      [0.5, "0.5"],
    ]) {
      expect(new Set(values.map(x => keyOf("k:{{x}}", { x }))).size).toBe(1);
    }
  });

  it("of a long value is whole", () => {
    expect(keyOf("{{x}}", { x: "]".repeat(200_000) })).toHaveLength(400_002);
  });

  it("needs no this", () => {
    const { keyFor } = settingsOf("{{x}}");
    expect([{ x: 1 }, { x: 2 }].map(keyFor)).toEqual(["[1]", "[2]"]);
  });
});

// Texts of what could be taken for something else.
const text = fc.string({
  minLength: 1,
  maxLength: 4,
  unit: fc.constantFrom("a", "1", "[", "]", "\\", "#", ":", "{", "}"),
});
const value = fc.oneof(text, fc.integer({ min: 0, max: 11 }), fc.boolean());

/** What a template says in its order: text, or a value. */
type Token = { text: string } | { value: string | number | boolean };
const tokens = fc.array(fc.oneof<fc.Arbitrary<Token>[]>(fc.record({ text }), fc.record({ value })), {
  minLength: 1,
  maxLength: 4,
});

/** A template and its data, in which each value has a name of its own. */
function made(tokens: readonly Token[]): { template: string; data: Record<string, unknown> } {
  const data: Record<string, unknown> = {};
  const parts = tokens.map((token, i) => {
    if ("text" in token) return { text: token.text };
    data[`v${i}`] = token.value;
    return { place: `{{ v${i} }}` };
  });
  // Texts side by side are one, so that no two of their braces meet unseen.
  let template = "";
  let run = "";
  const flush = () => {
    // A backslash before each brace would stay where the brace is single: such text is left to other tests.
    template += run.replace(/(\\*)(\{\{|\}\})/g, String.raw`$1$1\$2`).replace(/\\+$/, slashes => slashes);
    run = "";
  };
  for (const part of parts) {
    if (part.text !== undefined) run += part.text;
    else {
      if (run.endsWith("{")) run += "-";
      if (/\\+$/.test(run)) run = run.replace(/\\+$/, slashes => `${slashes}-`);
      flush();
      template += part.place;
    }
  }
  flush();
  return { template, data };
}

/** What makes the key: the text as it is joined, and the text of each value. */
function meaning(tokens: readonly Token[]): string {
  const joined: (string | [string])[] = [];
  for (const token of tokens) {
    if ("value" in token) {
      const last = joined.at(-1);
      if (typeof last === "string" && /[{\\]$/.test(last)) joined[joined.length - 1] = `${last}-`;
      joined.push([String(token.value)]);
    } else if (typeof joined.at(-1) === "string") joined[joined.length - 1] += token.text;
    else joined.push(token.text);
  }
  return JSON.stringify(joined);
}

/** Reads a key back into what made it. */
function readBack(key: string): string {
  const parts = key.match(/\[(?:[^\\[\]]|\\.)*\]|(?:[^\\[\]]|\\.)+/gu) ?? [];
  expect(parts.join("")).toBe(key);
  const plain = (text: string) => text.replace(/\\(.)/gu, "$1");
  return JSON.stringify(parts.map(part => (part.startsWith("[") ? [plain(part.slice(1, -1))] : plain(part))));
}

describe("keys", () => {
  it("are read back in one way only: no value runs into another, or into the text", () => {
    fc.assert(
      fc.property(tokens, tokens => {
        const { template, data } = made(tokens);
        expect(readBack(keyOf(template, data) as string)).toBe(meaning(tokens));
      }),
      { numRuns: 1_500 },
    );
  });

  it("of two templates and data sets are one only where each text and each value is", () => {
    fc.assert(
      fc.property(tokens, tokens, (one, two) => {
        const [a, b] = [made(one), made(two)];
        const isOne = keyOf(a.template, a.data) === keyOf(b.template, b.data);
        expect(isOne).toBe(meaning(one) === meaning(two));
      }),
      { numRuns: 1_500 },
    );
  });

  it("of one template differ wherever the text of a value that it names does", () => {
    const data = fc.record({ x: value, y: value });
    const template = fc.constantFrom(
      "a{{x}}b{{y}}",
      "{{x}}{{y}}",
      "{{x}}:{{y}}",
      "[{{x}}][{{y}}]",
      "{{y}}#{{x}}\\-",
    );
    fc.assert(
      fc.property(template, data, data, (template, one, two) => {
        const isSame = String(one.x) === String(two.x) && String(one.y) === String(two.y);
        expect(keyOf(template, one) === keyOf(template, two)).toBe(isSame);
      }),
      { numRuns: 1_500 },
    );
  });

  it("of two texts around one value differ", () => {
    const templates = [
      "a{{x}}",
      "{{x}}a",
      "a:{{x}}",
      "{{x}}:a",
      "{{x}}",
      "a{{x}}a",
      "[{{x}}]",
      "a",
      "[a]",
      "#{{x}}",
    ];
    expect(new Set(templates.map(template => keyOf(template, { x: "a" }))).size).toBe(templates.length);
  });
});

describe("a place that has no value", () => {
  it.each<[string, unknown, string]>([
    ["a missing one", {}, 'the data has no "user"'],
    ["a missing one below", { user: {} }, '"user" has no "id"'],
    ["undefined", { user: { id: undefined } }, "got undefined"],
    ["null", { user: { id: null } }, "got null"],
    ["empty text", { user: { id: "" } }, 'got ""'],
    ["white space", { user: { id: " \t\u00a0" } }, "got "],
    ["NaN", { user: { id: Number.NaN } }, "got NaN"],
    ["Infinity", { user: { id: Number.POSITIVE_INFINITY } }, "got Infinity"],
    ["an object", { user: { id: { value: 1 } } }, "got an object: name one of its values"],
    ["a list", { user: { id: [1] } }, "got a list: name one of its values, by its number from 0"],
    ["a Date", { user: { id: new Date(0) } }, "got an object"],
    ["a function", { user: { id: () => 1 } }, "got a function"],
    ["a symbol", { user: { id: Symbol("x") } }, "got Symbol(x)"],
    ["a boxed text", { user: { id: Object("x") } }, "got an object"],
    ["a lone surrogate", { user: { id: "a\ud800" } }, "which has a lone surrogate"],
    [
      "a getter",
      { user: Object.defineProperty({}, "id", { get: () => 1, enumerable: true }) },
      "got a getter",
    ],
    ["a proxy", { user: new Proxy({ id: 1 }, {}) }, "got a proxy"],
    ["no data", undefined, "the data is no object: got undefined"],
    ["data that is text", "user", 'the data is no object: got "user": read text with JSON.parse first'],
  ])("is no key: %s", (_what, data, why) => {
    const { message } = caught(() => keyOf("order:{{user.id}}", data), "INVALID_KEY");
    expect(message).toContain("key: expected text, a number or a boolean at {{user.id}}; ");
    expect(message).toContain(why);
    expect(message).toContain("Give the data these values, or name others in the settings.");
  });

  it("is told with every other", () => {
    const { message } = caught(() => keyOf("{{a}}:{{b}}:{{c}}", { b: 1, c: null }, ["d"]), "INVALID_KEY");
    expect(message.split("\n")).toHaveLength(3);
    expect(message).toMatch(/\{\{a\}\}.*\n.*\{\{c\}\}/);
  });

  it("shows no more of a value than fits a message", () => {
    const data = { x: `${"secret".repeat(10_000)}\ud800` };
    expect(caught(() => keyOf("{{x}}", data), "INVALID_KEY").message.length).toBeLessThan(400);
  });
});

describe("unlessChanged", () => {
  const order = { id: 1, status: "paid", items: [{ sku: "pen" }], none: null };
  const watch = (unlessChanged: SettingsJson["unlessChanged"], data: unknown) =>
    keyOf("k:{{order.id}}", data, unlessChanged);

  it("adds the fingerprint of what it names to the key", () => {
    expect(watch(["order.status"], { order })).toMatch(/^k:\[1\]:\[#[\w-]{22}\]$/);
    expect(watch(true, { order })).toBe(`k:[1]:[#${fingerprint({ order })}]`);
  });

  it("adds nothing where it names nothing", () => {
    for (const none of [undefined, false, []]) expect(watch(none, { order })).toBe("k:[1]");
  });

  it("makes another key of other data there, of any kind, and of no other data", () => {
    const status = (status: unknown, more = {}) =>
      watch(["order.status"], { order: { ...order, status, ...more } });
    const values = ["paid", "Paid", "", null, 1, "1", true, "true", [], {}, [1], { a: 1 }, new Date(0), 1n];
    expect(new Set(values.map(value => status(value))).size).toBe(values.length);
    expect(status("paid", { note: "other" })).toBe(status("paid"));
    expect(status({ a: 1, b: 2 })).toBe(status({ b: 2, a: 1 }));
  });

  it("counts what is missing or undefined as absent, unlike null", () => {
    const key = (data: object) => watch(["order.status", "order.x.y"], { order: { id: 1, ...data } });
    expect(key({ status: undefined })).toBe(key({}));
    expect(key({ x: 5 })).toBe(key({}));
    expect(key({ status: null })).not.toBe(key({}));
    expect(key({ status: "a" })).not.toBe(key({ x: { y: "a" } }));
  });

  it("does not depend on the order of its paths, or on white space in them", () => {
    expect(watch(["order.status", "order.items"], { order })).toBe(
      watch([" order . items", "order.status"], { order }),
    );
  });

  it("watches the whole of lists and objects", () => {
    const items = (sku: string) => watch(["order.items"], { order: { ...order, items: [{ sku }] } });
    expect(items("pen")).not.toBe(items("ink"));
  });

  it("is the same for any order of properties in all of the data", () => {
    expect(watch(true, { order, a: 1 })).toBe(watch(true, { a: 1, order }));
    expect(watch(true, { order, a: 1 })).not.toBe(watch(true, { order, a: 2 }));
  });

  let ran = 0;
  const never = () => {
    ran++;
    return expect.fail("code ran");
  };
  const PROXY = new Proxy({}, { ownKeys: never, get: never, getPrototypeOf: never });
  const getting = (name: PropertyKey) => Object.defineProperty({}, name, { get: never, enumerable: true });
  const elsewhere = <T extends Iterable<unknown>>(of: T): T =>
    runInNewContext(`new ${of.constructor.name}(of)`, { of });

  it.each<[string, unknown, string]>([
    ["a getter at it", Object.defineProperty({}, "x", { get: never, enumerable: true }), "a getter"],
    [
      "a getter in it",
      { x: { deep: Object.defineProperty({}, "y", { get: never, enumerable: true }) } },
      "a getter",
    ],
    ["a proxy", { x: PROXY }, "a proxy"],
    ["a getter in a Map", { x: new Map([["deep", { y: getting("y") }]]) }, "a getter"],
    ["a getter in a Map of another realm", { x: elsewhere(new Map([[1, getting("y")]])) }, "a getter"],
    ["a getter in a Set of another realm", { x: elsewhere(new Set([getting("y")])) }, "a getter"],
    ["an inherited getter for its kind", { x: Object.create(getting(Symbol.toStringTag)) }, "a getter"],
    ["an inherited getter for its class", { x: Object.create(getting("constructor")) }, "a getter"],
    ["an inherited getter for then", { x: Object.create(getting("then")) }, "a getter"],
    ["a prototype that is a proxy", { x: Object.create(PROXY) }, "a proxy"],
    ["what looks like a Map", { x: Object.create(Map.prototype) }, "data that cannot be read"],
    ["what looks like a Set", { x: [Object.create(Set.prototype)] }, "data that cannot be read"],
    [
      "what says that it is a Set",
      { x: { [Symbol.toStringTag]: "Set" } },
      "a Set that is more than plain data",
    ],
    ["a function", { x: { send: never } }, "a function"],
    ["a class instance", { x: new (class Order {})() }, "an Order"],
  ])("refuses %s, and runs no code of it", (_what, x, why) => {
    ran = 0;
    const { message } = caught(() => keyOf("k", { x }, ["x.x"]), "INVALID_KEY");
    expect(message).toMatch(/^unlessChanged: /);
    expect(message).toContain(`expected plain data at x.x; got ${why}`);
    expect(caught(() => keyOf("k", { x }, true), "INVALID_KEY").message).toContain(
      `expected plain data in the data; got ${why}`,
    );
    expect(ran).toBe(0);
  });

  it("makes of no value the key of another template", () => {
    const fingerprinted = watch(["order.status"], { order }) as string;
    const digest = /\[(#.*)\]$/.exec(fingerprinted)![1]!;
    expect(keyOf("k:{{id}}:{{x}}", { id: 1, x: digest })).not.toBe(fingerprinted);
    expect(keyOf(`k:{{id}}:[${digest}]`, { id: 1 })).not.toBe(fingerprinted);
  });
});
