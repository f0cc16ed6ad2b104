import {
  createIdempotency,
  type Duration,
  fingerprint,
  type IdempotencyStore,
  type Key,
  MAX_TTL_MS,
  MIN_TTL_MS,
  parseDuration,
} from "with-idempotency";
import { checks, has, rejection, same, thrown } from "./check.ts";
import { FINGERPRINTS, LONG_KEYS, PROVIDER_KEYS } from "./expected.ts";
import { instance } from "./scene.ts";

const named = (namespace: string, store: IdempotencyStore) => createIdempotency({ namespace, store });

const DURATIONS: [Duration, number][] = [
  ["30s", 30_000],
  ["5 minutes", 300_000],
  ["1h30m", 5_400_000],
  ["1.5 h", 5_400_000],
  ["1 day", 86_400_000],
  ["1.0005s", 1_001],
  ["1.0004999999999999999999s", 1_000],
  ["0.1h", 360_000],
  [" 2 H 3 min " as Duration, 7_380_000],
  [{ value: 5, unit: "minutes" }, 300_000],
  [{ hours: 1, minutes: 30 }, 5_400_000],
  [{ seconds: 1.0005 }, 1_001],
];

const NOT_DURATIONS = [
  "",
  "5",
  "5x",
  "-1s",
  "1e3s",
  "1s1s",
  "1s1h",
  "٣s",
  "1ſ",
  "1s ago",
  {},
  { value: Number.NaN, unit: "seconds" },
  5,
  null,
];
const OUT_OF_RANGE = ["0.9994s", "0s", "24h1s", "1.00000001d", { hours: 25 }];

const given = (value: unknown) => value as Duration;

const durations = checks("durations", {
  "are whole milliseconds"() {
    for (const [duration, ms] of DURATIONS) same(JSON.stringify(duration), parseDuration(duration), ms);
    same("the bounds", [MIN_TTL_MS, MAX_TTL_MS], [1_000, 86_400_000]);
  },
  "are nothing else"() {
    for (const value of NOT_DURATIONS) {
      const error = thrown(() => parseDuration(given(value)));
      has(`the error for ${JSON.stringify(value)}`, error, {
        code: "INVALID_DURATION",
        name: "InvalidDurationError",
      });
    }
  },
  "have their bounds, which are exact"() {
    for (const value of OUT_OF_RANGE) {
      const error = thrown(() => parseDuration(given(value)));
      has(`the error for ${JSON.stringify(value)}`, error, { code: "DURATION_OUT_OF_RANGE" });
    }
  },
});

const digests = checks("digests", {
  "of payloads are the same to the letter on every runtime"() {
    for (const { what, data, digest } of FINGERPRINTS) same(what, fingerprint(data()), digest);
  },
  "do not depend on the order of keys"() {
    const one = {
      a: 1,
      b: {
        c: [1, 2],
        d: new Map([
          ["x", 1],
          ["y", 2],
        ]),
      },
    };
    const other = {
      b: {
        d: new Map([
          ["y", 2],
          ["x", 1],
        ]),
        c: [1, 2],
      },
      a: 1,
    };
    same("the fingerprints", fingerprint(one), fingerprint(other));
  },
  "of unlike data differ"() {
    const unlike = [
      1,
      "1",
      1n,
      true,
      null,
      undefined,
      -0,
      0,
      Number.NaN,
      [],
      {},
      [undefined],
      [[]],
      { a: undefined },
      new Date(0),
      "1970-01-01T00:00:00.000Z",
      new Map(),
      new Set(),
      new Uint8Array(1),
      new Int8Array(1),
      new ArrayBuffer(1),
    ];
    same("the number of fingerprints", new Set(unlike.map(fingerprint)).size, unlike.length);
  },
  "refuse what is not plain data"() {
    for (const data of [() => 1, Symbol("s"), new WeakMap(), new Response("")]) {
      has(
        "the error",
        thrown(() => fingerprint(data)),
        { code: "INVALID_OPTION" },
      );
    }
  },
  async "of long keys are the same to the letter on every runtime"() {
    for (const { what, key, namespace, place } of LONG_KEYS) {
      const { store } = instance();
      await createIdempotency({ namespace, store }).execute(key, "1m", () => 1);
      same(what, store.calls[0]?.key, place);
    }
  },
  async "for the provider are the same to the letter on every runtime"() {
    for (const { key, runId, idempotencyKey } of PROVIDER_KEYS) {
      const { store, execute } = instance();
      store.inject({ operation: "claim", kind: "answer", value: { status: "claimed", attempt: 1, runId } });
      const { value } = await execute(key, "1m", execution => execution.idempotencyKey);
      same(`that of ${JSON.stringify(key)}`, value, idempotencyKey);
    }
  },
});

const INVALID_KEYS: unknown[] = [
  "",
  "  \t",
  [],
  [""],
  ["a", ""],
  ["\ud800"],
  "\udc00",
  42,
  null,
  undefined,
  {},
  [Number.NaN],
  [null],
  [["a"]],
];

const keys = checks("keys", {
  async "are joined without ambiguity"() {
    const different: Key[] = [
      "a:b",
      ["a:b"],
      ["a", "b"],
      ["a", "b:"],
      ["a:", "b"],
      ["a\\", "b"],
      "A:B",
      "a:b ",
      "é",
      "e\u0301",
      ":a",
    ];
    const { execute, store } = instance();
    for (const key of different) await execute(key, "1m", () => 1);
    const places = new Set(
      store.calls.filter(({ operation }) => operation === "claim").map(({ key }) => key),
    );
    // `["a", "b"]` is the key "a:b".
    same("the number of places", places.size, different.length - 1);
  },
  async "of parts are their text"() {
    const { execute } = instance();
    const { key } = await execute(["order", 42, 7n, true], "1m", () => 1);
    same("the key", key, "order:42:7:true");
  },
  async "that are none are refused"() {
    const { execute } = instance();
    for (const key of INVALID_KEYS) {
      const error = await rejection(execute(key as Key, "1m", () => 1));
      has(`the error for ${JSON.stringify(key)}`, error, { code: "INVALID_KEY", name: "InvalidKeyError" });
    }
  },
  async "of another namespace are others"() {
    const { store } = instance();
    const a = named("a", store);
    const b = named("b", store);
    await a.execute("k", "1m", () => "a");
    has("the other", await b.execute("k", "1m", () => "b"), { value: "b", replayed: false });
  },
});

export const valueChecks = [...durations, ...digests, ...keys];
