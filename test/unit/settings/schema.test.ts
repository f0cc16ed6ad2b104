import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../../src/settings/read-settings.ts";
import { settingsSchema } from "../../../src/settings/schema.ts";

const ajv = new Ajv2020({ strict: true });
const isValid = ajv.compile(settingsSchema);

const takes = (json: unknown) => readSettings["~standard"].validate(json).issues === undefined;

/** Fails unless both take it, or neither does. */
function expectAgreement(json: unknown): boolean {
  const taken = takes(json);
  if (isValid(json) !== taken)
    expect.fail(`readSettings ${taken ? "takes" : "refuses"} ${JSON.stringify(json)}`);
  return taken;
}

const FORM = { key: "order:{{order.id}}", time: 5, unit: "minutes" };
const withKey = (key: string) => ({ ...FORM, key });

describe("the schema", () => {
  it("is JSON Schema 2020-12 to the letter", () => {
    expect(ajv.validateSchema(settingsSchema)).toBe(true);
    expect(settingsSchema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
  });

  it("is frozen plain data", () => {
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const child of Object.values(value)) visit(child);
    };
    visit(settingsSchema);
    expect(JSON.parse(JSON.stringify(settingsSchema))).toEqual(settingsSchema);
  });

  it("names the examples that it shows rightly", () => {
    const { key, unit } = settingsSchema["properties"] as Record<string, { examples: unknown[] }>;
    for (const example of key!.examples) expect(expectAgreement({ ...FORM, key: example })).toBe(true);
    for (const example of unit!.examples)
      expect(expectAgreement({ ...FORM, time: 1, unit: example })).toBe(true);
  });
});

describe("the schema takes what readSettings takes, and nothing else", () => {
  it.each<unknown>([
    null,
    [],
    "{}",
    {},
    FORM,
    { ...FORM, more: 1 },
    { ...FORM, unlessChanged: null },
    { ...FORM, unlessChanged: false },
    { ...FORM, unlessChanged: [] },
    { ...FORM, unlessChanged: ["a", 1] },
    { ...FORM, unit: "ſ" },
    { ...FORM, unit: "m\n" },
    { ...FORM, time: "5\n" },
    JSON.parse('{ "key": "k", "time": 1, "unit": "s", "__proto__": 1 }'),
  ])("%j", json => {
    expectAgreement(json);
  });

  it("in keys of any text", () => {
    const text = fc.string({
      maxLength: 24,
      unit: fc.constantFrom(
        "{{",
        "}}",
        "{",
        "}",
        "\\",
        "a",
        ".",
        " ",
        "\n",
        "b😀",
        "{{a}}",
        "{{a.b}}",
        "\\{{",
      ),
    });
    let taken = 0;
    fc.assert(
      fc.property(text, text => {
        if (expectAgreement(withKey(text))) taken += 1;
      }),
      { numRuns: 8_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it("in paths of any text", () => {
    const text = fc.string({
      maxLength: 12,
      unit: fc.constantFrom("a", ".", " ", "\\", "{", "}", "\n", "\u00a0"),
    });
    fc.assert(
      fc.property(text, text => {
        expectAgreement({ ...FORM, unlessChanged: [text] });
      }),
      { numRuns: 4_000 },
    );
  });

  it("in units of any case and length", () => {
    const letter = fc.constantFrom(..."sechourminutdaySECHOURMINUTDAY ".split(""));
    const word = fc.oneof(
      fc.string({ maxLength: 8, unit: letter }),
      fc
        .constantFrom(
          "s sec secs second seconds m min mins minute minutes h hr hrs hour hours d day days".split(" "),
        )
        .chain(words =>
          fc.constantFrom(
            ...words,
            ...words.map(each => each.toUpperCase()),
            ...words.map(each => `${each}s`),
          ),
        ),
    );
    fc.assert(
      fc.property(word, unit => {
        expectAgreement({ ...FORM, time: 1, unit });
      }),
      { numRuns: 3_000 },
    );
  });

  const UNITS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const;
  const unit = fc.constantFrom(...(Object.keys(UNITS) as (keyof typeof UNITS)[]));

  /** The numbers next to a number, in their order. */
  function around(number: number): number[] {
    const bits = new BigInt64Array(new Float64Array([number]).buffer);
    return [-2n, -1n, 0n, 1n, 2n].map(
      step => new Float64Array(new BigInt64Array([bits[0]! + step]).buffer)[0]!,
    );
  }

  it("in times next to the bounds", () => {
    for (const [unit, seconds] of Object.entries(UNITS)) {
      const times = [1 / seconds, 86_400 / seconds].flatMap(around);
      const taken = times.map(time => expectAgreement({ ...FORM, time, unit }));
      expect(new Set(taken).size).toBe(2);
    }
  });

  it("in numbers", () => {
    const time = fc.oneof(
      fc.double(),
      fc.double({ min: 0, max: 90_000, noNaN: true }),
      fc.double({ min: 0, max: 2 }),
    );
    fc.assert(
      fc.property(time, unit, (time, unit) => {
        // JSON has no other.
        if (Number.isFinite(time)) expectAgreement({ ...FORM, time, unit });
      }),
      { numRuns: 3_000 },
    );
  });

  it("in numbers as text, next to the bounds to the last digit too", () => {
    const bounds = Object.values(UNITS).flatMap(seconds => {
      const least = ((10n ** 30n / BigInt(seconds)) as bigint).toString().padStart(31, "0");
      return [`${least.slice(0, -30)}.${least.slice(-30)}`, String(86_400 / seconds)];
    });
    const digits = fc.string({ maxLength: 5, unit: fc.constantFrom(..."0123456789") });
    const near = fc
      .tuple(fc.constantFrom(...bounds), fc.nat(36), digits)
      .map(([bound, length, more]) => bound.slice(0, length) + more);
    const any = fc.tuple(digits, fc.constantFrom("", "."), digits).map(parts => parts.join(""));
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(near, any, fc.string()), unit, (time, unit) => {
        if (expectAgreement({ ...FORM, time, unit })) taken += 1;
      }),
      { numRuns: 10_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it("in anything else", () => {
    const json = fc.record(
      {
        key: fc.oneof(fc.constant("k"), fc.jsonValue()),
        time: fc.oneof(fc.constant(5), fc.jsonValue()),
        unit: fc.oneof(fc.constant("m"), fc.jsonValue()),
        unlessChanged: fc.oneof(fc.constant(true), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(json, fc.jsonValue()), json => {
        expectAgreement(json);
      }),
      { numRuns: 3_000 },
    );
  });

  it("but for one thing: text that is not well-formed", () => {
    expect(isValid(withKey("a\ud800"))).toBe(true);
    expect(takes(withKey("a\ud800"))).toBe(false);
  });

  it("in time that grows with the length of a key", () => {
    for (const text of [
      "{{",
      "}}",
      "\\",
      "{{a",
      "{{a.",
      "{{ ",
      "\\{{",
      "\\\\{{a}}",
      "{",
      "{{{",
      "{{\\",
      " ",
      "\\{{a",
    ]) {
      expectAgreement(withKey(text.repeat(5_000)));
    }
  });
});
