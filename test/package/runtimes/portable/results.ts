import { checks, has, rejection, same } from "./check.ts";
import { instance, smallStore } from "./scene.ts";

function cycle(): unknown {
  const node: Record<string, unknown> = { name: "root", children: [] };
  node["self"] = node;
  (node["children"] as unknown[]).push({ parent: node });
  return node;
}

function shared(): unknown {
  const address = { city: "Oslo" };
  return { from: address, to: address };
}

function holes(): unknown[] {
  const array = [1, 2, 3, undefined];
  delete array[1];
  return array;
}

/** Each makes its value anew, so that no replay is compared with itself. */
const VALUES: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  "a text with all kinds of characters": () => 'a\0b\u2028\ud83d\ude00\ud800"\\é~\n',
  numbers: () => [
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    0.1 + 0.2,
    5e-324,
    2 ** 53,
    -1.7976931348623157e308,
  ],
  "big integers": () => [0n, -1n, 2n ** 200n],
  dates: () => [new Date(0), new Date(-62135596800000), new Date(8.64e15), new Date(Number.NaN)],
  "a Map of maps": () =>
    new Map<unknown, unknown>([
      [{ id: 1 }, new Map([[Number.NaN, -0]])],
      ["", undefined],
    ]),
  "a Set in its order": () => new Set([3, "3", 1n, null, undefined, new Set([2])]),
  bytes: () => [new Uint8Array([0, 255, 128]), new Uint8ClampedArray([300]), new ArrayBuffer(3)],
  "typed arrays": () => [
    new Int8Array([-128]),
    new Int16Array([-32768]),
    new Uint16Array([65535]),
    new Int32Array([-1]),
    new Uint32Array([2 ** 32 - 1]),
    new Float32Array([0.5, Number.NaN]),
    new Float64Array([-0, Math.PI]),
    new BigInt64Array([-1n]),
    new BigUint64Array([2n ** 64n - 1n]),
    new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  ],
  "an array with holes": holes,
  "an object without a prototype": () => Object.assign(Object.create(null), { a: 1 }),
  "keys of all kinds": () => ({
    "": 1,
    7: 2,
    ["__proto__"]: 3,
    constructor: 4,
    toJSON: "text",
    "é\0": undefined,
  }),
  "a cycle": cycle,
  "depth without end": () => {
    let nest: unknown = "core";
    for (let i = 0; i < 20_000; i++) nest = [nest];
    return nest;
  },
  "nearly a mebibyte": () => "é€😀".repeat(116_000),
};

/** Nested arrays down to their core; comparing those by calls would need a stack as deep. */
function unnest(value: unknown): unknown {
  let core = value;
  let depth = 0;
  for (; Array.isArray(core) && core.length === 1; depth++) core = core[0];
  return depth > 1_000 ? { core, depth } : value;
}

async function comesBack(make: () => unknown): Promise<void> {
  const { execute, inspect } = instance();
  const first = await execute("k", "1m", make);
  has("the first", first, { persisted: true });
  const replay = await execute("k", "1m", () => "not run");
  same("the replay", unnest(replay.value), unnest(make()));
  same("what inspect shows", unnest((await inspect("k"))?.value), unnest(make()));
  if (typeof replay.value === "object" && replay.value !== null) {
    same("whether it is a copy", replay.value !== first.value, true);
  }
}

const faithful = checks(
  "a result",
  Object.fromEntries(
    Object.entries(VALUES).map(([name, make]) => [`${name} comes back`, () => comesBack(make)]),
  ),
);

class Account {
  id = 7;
}

/** What this runtime has of them: none can be stored. */
const UNSTORABLE: Record<string, () => unknown> = {
  "a function": () => () => 1,
  "a symbol": () => Symbol("s"),
  "an instance of a class": () => new Account(),
  "a Response": () => new Response("body"),
  "a stream": () => new ReadableStream(),
  "a WeakMap": () => new WeakMap(),
  "a promise in an object": () => ({ later: Promise.resolve(1) }),
};

const unstorable = checks(
  "a result that cannot be stored",
  Object.fromEntries(
    Object.entries(UNSTORABLE).map(([name, make]) => [
      `${name} reaches the first caller, and fn does not run again`,
      async () => {
        const { execute } = instance();
        const value = make();
        const first = await execute("k", "1m", () => value);
        same("whether the first has it", first.value === value, true);
        has("the first", first, { persisted: false });
        const error = await rejection(execute("k", "1m", () => "not run"));
        has("the second", error, { code: "RESULT_UNAVAILABLE", name: "ResultUnavailableError" });
      },
    ]),
  ),
);

const forms = checks("the stored form", {
  async "of plain JSON is that JSON, on every runtime"() {
    const store = smallStore();
    const { execute } = instance({ store });
    await execute("k", "1m", () => ({ id: "m-1", to: ["ada"], n: 1.5, ok: true, none: null }));
    has("the record", await store.read("k"), {
      outcome: '{"id":"m-1","to":["ada"],"n":1.5,"ok":true,"none":null}',
    });
  },
  async "keeps what an object refers to twice as one"() {
    const { execute } = instance();
    const make = () => ({ at: new Date(0), ...(shared() as object) });
    await execute("k", "1m", make);
    const { value } = await execute("k", "1m", make);
    const { from, to } = value as unknown as { from: unknown; to: unknown };
    same("whether they are one", from === to, true);
  },
  async "is the caller's own, where a serializer is given"() {
    const serializer = { stringify: (value: unknown) => `<${String(value)}>`, parse: (text: string) => text };
    const { execute } = instance({ serializer });
    await execute("k", "1m", () => 42);
    has("the replay", await execute("k", "1m", () => 0), { value: "<42>", replayed: true });
  },
  async "never touches a prototype when it is read"() {
    const { execute } = instance();
    await execute("k", "1m", () => JSON.parse('{ "__proto__": { "polluted": 1 }, "at": 1 }'));
    const { value } = await execute("k", "1m", () => ({}));
    same("its prototype", Object.getPrototypeOf(value) === Object.prototype, true);
    same("an own key", Object.hasOwn(value as object, "__proto__"), true);
    same("other objects", ({} as Record<string, unknown>)["polluted"], undefined);
  },
});

export const resultChecks = [...faithful, ...unstorable, ...forms];
