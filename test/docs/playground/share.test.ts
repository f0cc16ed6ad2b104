import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Choices,
  DEFAULT_SCENARIO,
  FAULTS,
  NUMBERS,
  type Scenario,
  SELECTS,
  UNITS,
} from "../../../docs/.vitepress/theme/playground/scenario.ts";
import { fromHash, type Shared, toHash } from "../../../docs/.vitepress/theme/playground/share.ts";

const DEFAULT: Shared = { scenario: DEFAULT_SCENARIO, code: undefined };

const wellFormed = (maxLength: number) =>
  fc.string({ unit: "binary", maxLength }).filter(text => text.isWellFormed());

const choices = fc.record({
  ...Object.fromEntries(
    Object.entries(SELECTS).map(([name, { options }]) => [
      name,
      fc.constantFrom(...options.map(({ value }) => value)),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(NUMBERS).map(([name, { min, max }]) => [name, fc.integer({ min, max })]),
  ),
  providerRemembers: fc.boolean(),
}) as unknown as fc.Arbitrary<Choices>;

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  fault: fc.constantFrom(...FAULTS),
  form: fc.record({
    key: wellFormed(200),
    time: fc.oneof(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: 0, max: 9_999 }).map(n => n / 100),
    ),
    unit: fc.constantFrom(...UNITS),
  }),
  choices,
});

describe("a shared state", () => {
  it("is read back as it was", () => {
    fc.assert(
      fc.property(scenarios, fc.option(wellFormed(2_000), { nil: undefined }), (scenario, code) => {
        const hash = toHash({ scenario, code });
        expect(fromHash(`#${hash}`)).toEqual({ scenario, code });
        expect(fromHash(hash)).toEqual({ scenario, code });
      }),
    );
  });

  it("survives a way through an address", () => {
    fc.assert(
      fc.property(scenarios, wellFormed(500), (scenario, code) => {
        const address = new URL(`#${toHash({ scenario, code })}`, "http://localhost/playground");
        expect(fromHash(address.hash)).toEqual({ scenario, code });
      }),
    );
  });

  it("leaves out what is as by default", () => {
    expect(toHash(DEFAULT)).toBe("");
    expect(toHash({ scenario: { ...DEFAULT_SCENARIO, fault: "killed" }, code: undefined })).toBe(
      "fault=killed",
    );
  });
});

describe("a hostile hash", () => {
  it.each([
    "",
    "#",
    "#what-happens",
    "#fault=nonsense",
    "#fault=__proto__&onUncertain=constructor&unit=toString",
    "#lease=-1&waitTimeout=61&storeTimeout=NaN",
    "#lease=1e1&waitTimeout=0x10&storeTimeout= 5",
    "#lease=Infinity&time=1e400",
    "#time=-5&time=5",
    "#providerRemembers=yes",
    "#__proto__[polluted]=1&constructor.prototype.polluted=1",
    `#key=${"x".repeat(501)}`,
    `#code=${"x".repeat(20_001)}`,
    `#key=ok&code=${"x".repeat(70_000)}`,
  ])("%# counts as not given", hash => {
    expect(fromHash(hash)).toEqual(DEFAULT);
    expect(Object.prototype).not.toHaveProperty("polluted");
  });

  it("keeps what is known of it, and only that", () => {
    const { scenario, code } = fromHash("#fault=slow&lease=999&onConflict=reject&evil=1&code=console.log(1)");
    expect(scenario).toEqual({
      ...DEFAULT_SCENARIO,
      fault: "slow",
      choices: { ...DEFAULT_SCENARIO.choices, onConflict: "reject" },
    });
    expect(code).toBe("console.log(1)");
  });

  it("never throws, and always gives a state that the forms offer", () => {
    const names = [...Object.keys(SELECTS), ...Object.keys(NUMBERS), "fault", "key", "time", "unit", "code"];
    const pair = fc.tuple(fc.constantFrom(...names), fc.string({ unit: "binary" }));
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pair).map(pairs => pairs.map(each => each.join("=")).join("&")),
    );
    fc.assert(
      fc.property(hostile, hash => {
        const { scenario } = fromHash(hash);
        expect(FAULTS).toContain(scenario.fault);
        expect(UNITS).toContain(scenario.form.unit);
        for (const [name, { options }] of Object.entries(SELECTS)) {
          expect(options.map(({ value }) => value)).toContain(scenario.choices[name as keyof Choices]);
        }
        for (const [name, { min, max }] of Object.entries(NUMBERS)) {
          const value = scenario.choices[name as keyof Choices] as number;
          expect(value >= min && value <= max).toBe(true);
        }
        expect(Object.keys(scenario.choices).sort()).toEqual(Object.keys(DEFAULT_SCENARIO.choices).sort());
      }),
    );
  });
});
