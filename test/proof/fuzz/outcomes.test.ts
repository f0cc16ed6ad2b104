import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import type { Serializer } from "../../../src/contract/options.ts";
import { parseGraph, stringifyGraph } from "../../../src/results/graph.ts";
import {
  decodeOutcome,
  encodeError,
  encodeNoResult,
  encodeResult,
} from "../../../src/results/outcome-text.ts";
import { cyclicData, expectDeepEqual, plainData } from "../../support/plain-data.ts";
import { damaged, expectPrototypesUntouched, fuzz, NASTY, TIMEOUT_MS } from "./fuzz.ts";

/** What comes of a text: a value, or one of the two errors that it may stand for. Anything else is thrown on. */
function decoded(text: string, serializer?: Serializer): unknown {
  try {
    return decodeOutcome(text, serializer, "k");
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE") || isIdempotencyError(error, "REPLAYED_ERROR"))
      return error;
    throw error;
  }
}

const json = fc.jsonValue().map(value => JSON.stringify(value));
const values = fc.oneof(plainData(), cyclicData);
const texts = fc.oneof(
  values.map(value => encodeResult(value, undefined).text),
  fc.anything().map(encodeError),
  fc.string().map(encodeNoResult),
  json.map(text => encodeResult(text, { stringify: String, parse: JSON.parse }).text),
  json,
);

// What looks like the graph form, put together from what its reader looks for.
const kinds = fc.constantFrom(
  "Object",
  "Null",
  "Array",
  "Sparse",
  "Map",
  "Set",
  "Date",
  "BigInt",
  "Uint8Array",
  "Buffer",
  "DataView",
  "ArrayBuffer",
  "Float16Array",
  "Function",
  "Array(9)",
  ...NASTY,
);
const piece = fc.oneof(
  fc.integer({ min: -7, max: 9 }),
  fc.constantFrom(...NASTY, "", "AA==", "0", "-1n"),
  fc.constantFrom(null, 4294967296, 1.5, true, [], {}),
);
const node = fc.oneof(
  fc.tuple(kinds, fc.array(piece, { maxLength: 5 })).map(([kind, content]) => [kind, ...content]),
  piece,
);
const graphs = fc.array(node, { maxLength: 6 }).map(nodes => JSON.stringify(nodes));

it(
  "a result comes back deep-equal",
  () => {
    fuzz([values], value => {
      const { text, failure } = encodeResult(value, undefined);
      expect(failure).toBeUndefined();
      expectDeepEqual(decoded(text), value);
    });
  },
  TIMEOUT_MS,
);

it("an invalid date comes back as one, and as nothing else", () => {
  const invalid = { sent: [new Date(Number.NaN)] };
  expectDeepEqual(decoded(encodeResult(invalid, undefined).text), invalid);
  expect(() => expectDeepEqual({ sent: [new Date(0)] }, invalid)).toThrow("got");
});

it(
  "a graph comes back deep-equal",
  () => {
    fuzz([values], value => expectDeepEqual(parseGraph(stringifyGraph(value)), value));
  },
  TIMEOUT_MS,
);

it(
  "anything can be encoded, and comes back deep-equal or as RESULT_UNAVAILABLE",
  () => {
    fuzz([fc.anything({ withBoxedValues: true, withDate: true, withSparseArray: true })], value => {
      const { text, failure } = encodeResult(value, undefined);
      const came = decoded(text);
      if (failure === undefined) expectDeepEqual(came, value);
      else expect(isIdempotencyError(came, "RESULT_UNAVAILABLE")).toBe(true);
    });
  },
  TIMEOUT_MS,
);

/** Whether a value is made of plain parts only. Lists may be too long to be looked through. */
function isPlain(root: unknown): boolean {
  const seen = new Set<unknown>();
  const todo = [root];
  for (let value = todo.pop(); todo.length > 0 || value !== undefined; value = todo.pop()) {
    if (typeof value === "function" || typeof value === "symbol") return false;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== null && globalThis[prototype.constructor?.name as "Map"]?.prototype !== prototype)
      return false;
    if (ArrayBuffer.isView(value)) continue;
    const children = value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value);
    todo.push(...children.slice(0, 100));
  }
  return true;
}

const hostile = fc.oneof(
  damaged(texts),
  graphs.map(text => `~1g${text}\n`),
  fc.string({ unit: "binary", maxLength: 50 }),
  fc.string({ unit: fc.constantFrom(...'~1gsne\n[]{}"\\,:0-'), maxLength: 12 }),
);

it(
  "a hostile text is plain data or a typed error, and touches no prototype",
  () => {
    fuzz([hostile], text => {
      const came = decoded(text);
      expectPrototypesUntouched();
      if (!(came instanceof Error) && !isPlain(came))
        throw new Error(`${JSON.stringify(text)} is more than plain data`);
    });
  },
  TIMEOUT_MS,
);

it(
  "a text that is cut short is never taken for another result",
  () => {
    fuzz([values, fc.double({ min: 0, max: 0.999, noNaN: true })], (value, share) => {
      const { text } = encodeResult(value, undefined);
      const cut = text.slice(0, Math.floor(share * text.length));
      expect(isIdempotencyError(decoded(cut), "RESULT_UNAVAILABLE")).toBe(true);
    });
  },
  TIMEOUT_MS,
);

it(
  "a serializer may do what it likes, and it is no other error",
  () => {
    const answers = fc.oneof(fc.string(), fc.anything()).filter(answer => answer !== undefined);
    fuzz([answers, fc.boolean(), fc.boolean(), damaged(texts)], (answer, throws, throwsLater, text) => {
      const act = (fails: boolean) => () => {
        if (fails) throw answer;
        return answer as string;
      };
      const serializer = { stringify: act(throws), parse: act(throwsLater) };
      const { text: own, failure } = encodeResult("sent", serializer);
      if (failure === undefined && !throwsLater)
        expect(isDeepStrictEqual(decoded(own, serializer), answer)).toBe(true);
      decoded(text, serializer);
    });
  },
  TIMEOUT_MS,
);

it("a serializer that throws undefined does not count as one that succeeds", () => {
  const stringify = () => {
    throw undefined;
  };
  expect(encodeResult("sent", { stringify, parse: JSON.parse }).failure).toBeDefined();
});
