import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { codeIn, lookUp, pathText, readPath } from "../../../src/settings/path.ts";

const never = () => expect.fail("code ran");

/** A proxy of which nothing may be asked. */
const untouchable = (target: object = {}) =>
  new Proxy(target, new Proxy({}, { get: (_, trap) => never() ?? trap }) as ProxyHandler<object>);

const found = (data: unknown, path: string) => {
  const read = readPath(path);
  return "names" in read ? lookUp(data, read.names) : expect.fail(read.fault);
};

describe("a path", () => {
  const name = fc.string({
    minLength: 1,
    unit: fc.constantFrom("a", ".", "\\", "{", "}", " ", "\n", "😀", "__proto__"),
  });

  it("is read back from its text", () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), names => {
        expect(readPath(pathText(names))).toEqual({ names });
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(["", " ", ".", "a.", ".a", "a..b", "a. .b"])("%j has no name somewhere", text => {
    expect(readPath(text)).toEqual({ fault: expect.stringMatching(/^no name/) });
  });

  it.each(["{{a}}", "{a", "a}"])("%s has a brace", text => {
    expect(readPath(text)).toEqual({ fault: expect.stringContaining("a brace: write only the names") });
  });

  it("with a lone backslash at its end is refused", () => {
    expect(readPath("a\\")).toEqual({ fault: expect.stringContaining("a backslash at its end") });
    expect(readPath("a\\\\")).toEqual({ names: ["a\\"] });
  });
});

describe("a look-up", () => {
  const data = {
    order: { id: 42, items: [{ sku: "pen" }, { sku: "ink" }], "a.b": 1, none: null, un: undefined },
    constructor: { name: "Ferrari" },
    text: "Ada",
  };

  it.each<[string, unknown]>([
    ["order.id", 42],
    ["order.items.1.sku", "ink"],
    ["order.items", data.order.items],
    [String.raw`order.a\.b`, 1],
    ["order.none", null],
    ["order.un", undefined],
    ["constructor.name", "Ferrari"],
  ])("of %s finds an own value", (path, value) => {
    expect(found(data, path)).toEqual({ kind: "value", value });
  });

  it.each<[string, string, string]>([
    ["nope", "", "nope"],
    ["order.nope.deeper", "order", "nope"],
    ["order.items.2", "order.items", "2"],
    ["order.items.01", "order.items", "01"],
    ["order.items.-1", "order.items", "-1"],
    ["order.items.length", "order.items", "length"],
    ["order.id.toFixed", "order.id", "toFixed"],
    ["text.0", "text", "0"],
    ["text.length", "text", "length"],
    ["order.none.x", "order.none", "x"],
    ["order.constructor.constructor", "order", "constructor"],
    ["order.__proto__.polluted", "order", "__proto__"],
    ["__proto__", "", "__proto__"],
    ["toString", "", "toString"],
    ["order.hasOwnProperty", "order", "hasOwnProperty"],
    ["order.items.map", "order.items", "map"],
    ["prototype", "", "prototype"],
  ])("of %s finds nothing", (path, within, missing) => {
    expect(found(data, path)).toEqual({ kind: "nothing", within, missing });
  });

  it("sees nothing that is inherited, not enumerable, or __proto__ as JSON text can have it", () => {
    const hidden = Object.defineProperty(Object.create({ inherited: 1 }), "hidden", { value: 1 });
    expect(found(hidden, "inherited")).toEqual({ kind: "nothing", within: "", missing: "inherited" });
    expect(found(hidden, "hidden")).toEqual({ kind: "nothing", within: "", missing: "hidden" });
    const own = JSON.parse('{ "__proto__": { "polluted": "yes" } }');
    expect(found(own, "__proto__.polluted")).toEqual({ kind: "nothing", within: "", missing: "__proto__" });
    expect(found(() => 1, "name")).toEqual({ kind: "nothing", within: "", missing: "name" });
  });

  it("calls no getter", () => {
    const getter = { user: Object.defineProperty({}, "id", { get: never, enumerable: true }) };
    expect(found(getter, "user.id")).toEqual({ kind: "code", code: "a getter, which is not called" });
    expect(found(getter, "user.id.deeper")).toEqual({ kind: "code", code: "a getter, which is not called" });
  });

  it("is led by no prototype that somebody has patched", () => {
    const patched = Object.prototype as Record<string, unknown>;
    const names = ["value", "text", "kind", "user", "names", "missing"];
    const getter = Object.defineProperty({}, "user", { get: never, enumerable: true });
    for (const name of names) patched[name] = "patched";
    const results = [{}, getter].map(data => lookUp(data, ["user"]));
    for (const name of names) delete patched[name];
    expect(results).toEqual([
      { kind: "nothing", within: "", missing: "user" },
      { kind: "code", code: "a getter, which is not called" },
    ]);
  });

  it("asks nothing of a proxy, wherever it stands", () => {
    for (const data of [
      untouchable(),
      { a: untouchable() },
      { a: { b: untouchable() } },
      { a: untouchable([]) },
    ]) {
      expect(found(data, "a.b")).toEqual({ kind: "code", code: "a proxy: give plain data" });
    }
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(found({ a: proxy }, "a.b")).toEqual({ kind: "code", code: "a proxy: give plain data" });
  });

  it("asks a proxy for its own properties alone where a runtime cannot tell it", async () => {
    vi.resetModules();
    vi.stubGlobal("process", undefined);
    try {
      const { lookUp } = await import("../../../src/settings/path.ts");
      const asked: unknown[] = [];
      const traps = new Proxy({}, { get: (_, trap) => void asked.push(trap) });
      expect(lookUp(new Proxy({ a: 1 }, traps as ProxyHandler<object>), ["a"])).toEqual({
        kind: "value",
        value: 1,
      });
      expect(asked).toEqual(["getOwnPropertyDescriptor"]);
    } finally {
      vi.unstubAllGlobals();
      vi.resetModules();
    }
  });

  it("finds own data of any shape by its path, and by no other", () => {
    const data = fc.object({ key: fc.constantFrom("a", "b", "constructor", "toString", "0"), maxDepth: 3 });
    const path = fc.array(fc.constantFrom("a", "b", "constructor", "toString", "0", "length", "__proto__"), {
      minLength: 1,
      maxLength: 4,
    });
    // JSON text knows no prototypes: what is there is there.
    const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
    fc.assert(
      fc.property(data, path, (data, path) => {
        const json = plain(data);
        const expected = path.reduce<unknown>(
          (at, name) => new Map(Object.entries(Object(at))).get(name),
          json,
        );
        const isText = path.some((_, i) => typeof valueAt(json, path.slice(0, i)) === "string");
        if (!isText) expect(valueAt(json, path)).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});

const valueAt = (data: unknown, path: readonly string[]) => {
  const looked = lookUp(data, path);
  return looked.kind === "value" ? looked.value : undefined;
};

describe("code in data", () => {
  const getter = Object.defineProperty({}, "x", { get: never, enumerable: true });

  it.each<[string, unknown]>([
    ["an object", { deep: [{ getter }] }],
    ["a Map's key", new Map([[getter, 1]])],
    ["a Map's value", new Map([[1, [getter]]])],
    ["a Set", { set: new Set([getter]) }],
    ["a hidden property", Object.defineProperty({}, "x", { value: getter })],
    ["a property named by a symbol", { [Symbol("x")]: getter }],
  ])("is found in %s", (_where, data) => {
    expect(codeIn(data)).toBe("a getter, which is not called");
  });

  it("is a proxy, too, of which nothing is asked", () => {
    expect(codeIn({ list: [untouchable()] })).toBe("a proxy: give plain data");
    expect(codeIn(untouchable())).toBe("a proxy: give plain data");
  });

  it("is not in data, of which each part is passed once at any depth", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 50_000; i++) deep = { deep, again: deep };
    const cyclic: Record<string, unknown> = { bytes: new Uint8Array(10_000_000), at: new Date(0) };
    cyclic["self"] = cyclic;
    const foreign = runInNewContext("({ map: new Map([[1, 2]]), list: [1, , 3] })");
    expect([deep, cyclic, foreign, null, undefined, 1n, "x", Symbol("x"), never].map(codeIn)).toEqual(
      new Array(9).fill(undefined),
    );
  });
});
