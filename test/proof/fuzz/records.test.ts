import fc from "fast-check";
import { expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/contract/errors.ts";
import {
  fingerprintWord,
  originalText,
  RECORD_VERSION,
  readRecord,
  storableText,
  storableWord,
} from "../../../src/stores/shared/record.ts";
import { claimResult, HOLDER, type SqlRow, storeRecord } from "../../../src/stores/sql/record.ts";
import { damaged, expectPrototypesUntouched, fuzz, NASTY, TIMEOUT_MS } from "./fuzz.ts";

// What stores change: NUL, halves of surrogate pairs, and the mark that stands for them.
const units = fc.constantFrom("a", "0", "\0", "\u0010", "\ud83d", "\ude00", "\n", "\u0010d83d", "0000");
const text = fc.oneof(
  fc.string({ unit: units, maxLength: 12 }),
  fc.string({ unit: fc.nat(0xffff).map(code => String.fromCharCode(code)), maxLength: 20 }),
);

it(
  "a text comes back to the letter from what a store can keep",
  () => {
    fuzz([text], given => {
      const kept = storableText(given);
      expect(kept.isWellFormed() && !kept.includes("\0")).toBe(true);
      expect(originalText(kept)).toBe(given);
      expect(Buffer.from(kept, "utf8").toString("utf8")).toBe(kept);
    });
  },
  TIMEOUT_MS,
);

it(
  "different texts stay different",
  () => {
    fuzz([text, text], (one, two) => expect(storableText(one) === storableText(two)).toBe(one === two));
  },
  TIMEOUT_MS,
);

it(
  "a text that somebody else wrote is read without an error",
  () => {
    fuzz([damaged(text.map(storableText))], kept => expect(typeof originalText(kept)).toBe("string"));
  },
  TIMEOUT_MS,
);

/** What comes of reading a record; undefined for the one error that it may be. Anything else is thrown on. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isIdempotencyError(error, "RESULT_UNAVAILABLE")) return undefined;
    throw error;
  } finally {
    expectPrototypesUntouched();
  }
}

const attempt = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const name = fc.oneof(text, fc.constantFrom(...NASTY));
const word = name.filter(given => given !== "");
const optional = fc.option(name, { nil: undefined });
const record = fc.record({
  letter: fc.constantFrom("h", "t", "r", "c"),
  attempt,
  number: fc.nat(),
  time: fc.oneof(
    fc.nat().map(ms => [ms, ms.toString(36)] as const),
    fc.nat().map(ms => [ms, `=${ms}`] as const),
  ),
  token: word,
  runId: fc.option(word, { nil: "" }),
  fingerprint: optional,
  outcome: name,
});
type Written = typeof record extends fc.Arbitrary<infer R> ? R : never;

/** As Redis keeps a record: its form stands in record.ts. */
function written({ letter, attempt, number, time, token, runId, fingerprint, outcome }: Written): string {
  const kept = letter === "c" ? storableText(outcome) : "";
  const size = letter === "c" ? Buffer.byteLength(kept) : number;
  const line = `${RECORD_VERSION}${letter}${attempt} ${size} ${time[1]} ${storableWord(token)} ${storableWord(runId)}`;
  return `${line} ${fingerprintWord(fingerprint)}\n${kept}`;
}

const isText = (value: unknown) => typeof value === "string";
const isTextOrNothing = (value: unknown) => value === undefined || isText(value);

/** What whoever reads a record may count on, whatever stood there. */
function expectSound(read: {
  attempt: number;
  runId: string;
  fingerprint?: unknown;
  outcome?: unknown;
}): void {
  expect(Number.isSafeInteger(read.attempt) && read.attempt >= 1).toBe(true);
  expect([read.fingerprint, read.outcome].every(isTextOrNothing)).toBe(true);
  expect(isText(read.runId)).toBe(true);
}

it(
  "a record comes back from its text as it was",
  () => {
    fuzz([record], given => {
      const { letter, attempt, number, time, token, runId, fingerprint, outcome } = given;
      expect(readRecord(written(given))).toEqual({
        state: { h: "held", t: "held", r: "released", c: "completed" }[letter],
        takeover: letter === "t",
        attempt,
        ttlMs: letter === "h" || letter === "t" ? number : 0,
        runId: runId || token,
        fingerprint,
        outcome: letter === "c" ? outcome : undefined,
        claimedAt: time[0],
      });
    });
  },
  TIMEOUT_MS,
);

// Texts that are a record's almost.
const fragments = fc.array(
  fc.oneof(
    fc.constantFrom(
      "1",
      "2",
      "0",
      "2h",
      "2t",
      "2r",
      "2c",
      "=",
      "h",
      " ",
      "  ",
      "\n",
      ":",
      "\u0010",
      "-1",
      "1e3",
      "9".repeat(17),
    ),
    fc.constantFrom(...NASTY),
    fc.string({ unit: "binary", maxLength: 4 }),
  ),
  { maxLength: 14 },
);
// Records of which a part is another one's.
const mostly = (sound: fc.Arbitrary<string>, ...others: string[]) =>
  fc.oneof({ weight: 4, arbitrary: sound }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const parts = [
  mostly(fc.constant("2"), "02", "1"),
  mostly(fc.constantFrom("h", "r"), "c", "x"),
  mostly(fc.constant("1"), "0", "07", "9".repeat(17), "9".repeat(400)),
  mostly(fc.constant(" 0 "), "  ", " 1"),
  mostly(fc.constantFrom("0 ", "=0 "), " ", "= ", "A ", "=a ", "z".repeat(20), ""),
  mostly(fc.constant("t"), "", "__proto__"),
  mostly(fc.constant(" "), "  "),
  mostly(fc.constant(""), "t", "constructor"),
  mostly(fc.constantFrom(" \n", " :\n", " :f\n"), " f\n", ""),
  mostly(fc.constant(""), "x"),
];
const patched = fc.tuple(...parts).map(pieces => pieces.join(""));
const FORM = /^2[htrc][1-9]\d* \d+ (?:=\d+|[\da-z]+) [^ \n]* [^ \n]* (?::[^ \n]*)?\n/;

it(
  "a hostile text of a record is one, or RESULT_UNAVAILABLE",
  () => {
    const hostile = fc.oneof(
      damaged(record.map(written)),
      patched,
      fragments.map(parts => parts.join("")),
      text,
    );
    fuzz([hostile], given => {
      const read = readable(() => readRecord(given));
      if (read === undefined) return;
      expect(given).toMatch(FORM);
      expectSound(read);
      expect(read.runId).not.toBe("");
      expect(isText(read.outcome)).toBe(read.state === "completed");
      // No text is cut short, or longer than it says.
      const [line, size] = /^\S+ (\d+) [^\n]*\n/.exec(given)!;
      const kept = read.state === "completed" ? Number(size) : 0;
      expect(Buffer.byteLength(given.slice(line.length))).toBe(kept);
    });
  },
  TIMEOUT_MS,
);

// What SQL's clients make of a column, whose type may be another than the store's own.
const cell = fc.oneof(
  name,
  fc.constantFrom<unknown>(null, undefined, "", "0", "1", "-1", "1.5", "1e999", "NaN", true, false, 0, 1, -1),
  fc.double(),
  fc.bigInt(),
  fc.date(),
  fc.uint8Array({ maxLength: 4 }),
);
const orCell = (sound: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: sound }, { weight: 1, arbitrary: cell });
const ms = fc.integer({ min: 0, max: 1e9 });
const numeric = (numbers: fc.Arbitrary<number>) =>
  fc.oneof(numbers, numbers.map(String), numbers.map(BigInt));
// Version, attempt, the end of the lease, that of the record, the first claim's time, the time now, and who holds it.
const numbers = fc.tuple(
  orCell(numeric(fc.constant(RECORD_VERSION))),
  orCell(numeric(attempt)),
  numeric(ms),
  numeric(ms),
  numeric(ms),
  numeric(ms),
  fc.constantFrom(...Object.values(HOLDER)),
);
const row: fc.Arbitrary<SqlRow> = fc.record({
  numbers: fc.oneof(
    { weight: 3, arbitrary: numbers },
    { weight: 3, arbitrary: numbers.map(all => `{${all.join(",")}}`) },
    { weight: 1, arbitrary: cell },
  ),
  run_id: orCell(word.map(storableText)),
  fingerprint: orCell(fc.option(name.map(storableText))),
  outcome: orCell(fc.option(name.map(storableText))),
});

it(
  "a hostile row of a table is a record, or RESULT_UNAVAILABLE",
  () => {
    const seen = new Set<string>();
    fuzz([row], given => {
      const read = readable(() => storeRecord(given));
      const told = readable(() => claimResult(given));
      const { run_id, fingerprint, outcome, numbers } = given;
      const all: unknown = typeof numbers === "string" ? numbers.slice(1).split(",") : numbers;
      const version: unknown = Array.isArray(all) ? all[0] : undefined;
      for (const answer of [read, told]) {
        if (answer === undefined) continue;
        seen.add(answer.status);
        expectSound({ runId: "", ...answer });
        expect(Number(version)).toBe(RECORD_VERSION);
        expect(isText(run_id)).toBe(true);
        // What is there and is no text is not taken for nothing.
        expect([fingerprint, outcome].every(column => column === null || isText(column))).toBe(true);
      }
      expect(read?.status).not.toBe("claimed");
      expect(told?.status).not.toBe("released");
    });
    expect([...seen].sort()).toEqual(["claimed", "completed", "in-progress", "released", "uncertain"]);
  },
  TIMEOUT_MS,
);
