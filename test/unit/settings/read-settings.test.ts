import { describe, expect, expectTypeOf, it } from "vitest";
import type { Duration, Key } from "../../../src/index.ts";
import { parseDuration } from "../../../src/index.ts";
import { type IdempotencySettings, readSettings } from "../../../src/settings.ts";
import { caught } from "../../support/caught.ts";

const FORM = { key: "order-shipped:{{order.id}}:{{user.id}}", time: 5, unit: "minutes" };
const messageOf = (json: unknown) => caught(() => readSettings(json), "INVALID_OPTION").message;

describe("settings", () => {
  it("are read from JSON", () => {
    const json = { ...FORM, unlessChanged: ["order.status"] };
    const settings = readSettings(JSON.parse(JSON.stringify(json)));
    expect(settings.ttl).toEqual({ milliseconds: 300_000 });
    expect(settings.paths).toEqual(["order.id", "user.id"]);
    expect(settings.json).toEqual(json);
    expect(settings.keyFor({ order: { id: 1 }, user: { id: 2 } })).toMatch(/^order-shipped:\[1\]:\[2\]:\[#/);
    expectTypeOf(settings.ttl).toExtend<Duration>();
    expectTypeOf(settings.keyFor).toEqualTypeOf<(data: unknown) => Key>();
  });

  it("are frozen, and a copy that no later change reaches", () => {
    const watched = ["a"];
    const settings = readSettings({ ...FORM, unlessChanged: watched });
    watched.push("b");
    expect(settings.json.unlessChanged).toEqual(["a"]);
    const parts: unknown[] = [
      settings,
      settings.ttl,
      settings.json,
      settings.paths,
      settings.json.unlessChanged,
    ];
    expect(parts.every(Object.isFrozen)).toBe(true);
    expect(readSettings(settings.json).json).toEqual(settings.json);
  });

  it.each<[number | string, string, number]>([
    [5, "minutes", 300_000],
    ["5", "minutes", 300_000],
    ["05.50", "Minute", 330_000],
    [1, "SECOND", 1_000],
    [0.5, "h", 1_800_000],
    [24, "hrs", 86_400_000],
    [1, "Day", 86_400_000],
    [1.0005, "s", 1_001],
    [1e-4, "days", 8_640],
    ["0.0002777777777777777777777777777778", "hours", 1_000],
    [86_400, "secs", 86_400_000],
    ["1440.000", "MINS", 86_400_000],
  ])("have a window: %s %s", (time, unit, milliseconds) => {
    expect(readSettings({ ...FORM, time, unit }).ttl).toEqual({ milliseconds });
    if (typeof time === "string") expect(parseDuration(`${time} ${unit}`)).toBe(milliseconds);
  });

  it("watch nothing without unlessChanged, or with false or no paths", () => {
    for (const unlessChanged of [undefined, false, []]) {
      expect(readSettings({ ...FORM, key: "k", unlessChanged }).keyFor({})).toBe("k");
    }
  });
});

describe("what is no settings", () => {
  it.each<[unknown, string]>([
    [undefined, "got nothing"],
    [null, "got null"],
    [42, "got 42"],
    [[FORM], "got an array of 1"],
    [() => FORM, "got a function"],
    [JSON.stringify(FORM), "read text with JSON.parse first"],
  ])("%j is told how they look", (json, why) => {
    const message = messageOf(json);
    expect(message).toMatch(
      /^settings: expected an object such as \{ "key": "order-shipped:\{\{order\.id\}\}", /,
    );
    expect(message).toContain(why);
  });

  it("that cannot be read is told, too", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const json of [proxy, { ...FORM, unlessChanged: proxy }]) {
      expect(messageOf(json)).toContain("got one that cannot be read");
    }
    for (const field of ["key", "time", "unit"]) {
      expect(messageOf({ ...FORM, [field]: proxy })).toContain(`settings.${field}: `);
    }
    const throwing = Object.defineProperty({ ...FORM }, "key", {
      get: () => {
        throw new Error("no");
      },
      enumerable: true,
    });
    expect(messageOf(throwing)).toContain("got one that cannot be read");
  });
});

describe("a fault is told by its field, what came, and what to write", () => {
  it.each<[object, string]>([
    [
      { key: undefined },
      'settings.key: expected text such as "order-shipped:{{order.id}}", which says what is done once; got nothing',
    ],
    [{ key: 42 }, "got 42"],
    [{ key: "" }, 'got ""'],
    [{ key: " \n" }, 'got " \\n"'],
    [{ key: "a\ud800" }, "has a lone surrogate"],
    [{ key: "{{order.id" }, 'settings.key: "{{" at character 1 is not closed'],
    [{ time: undefined }, "settings.time: expected a number such as 5 or 1.5, without a unit; got nothing"],
    [{ time: "5 minutes" }, 'got "5 minutes"'],
    [{ time: "" }, 'got ""'],
    [{ time: " 5" }, 'got " 5"'],
    [{ time: "1e3" }, 'got "1e3"'],
    [{ time: "1,5" }, 'got "1,5"'],
    [{ time: "٣" }, 'got "٣"'],
    [{ time: "5\n" }, 'got "5\\n"'],
    [{ time: "-5" }, 'got "-5"'],
    [{ time: Number.NaN }, "got NaN"],
    [{ time: Number.POSITIVE_INFINITY }, "got Infinity"],
    [{ time: 5n }, "got 5n"],
    [{ time: null }, "got null"],
    [{ time: true }, "got true"],
    [{ time: -5 }, "settings.time: expected from 1 second to 24 hours (1440 minutes); got -5 minutes"],
    [{ time: 0 }, "got 0 minutes"],
    [{ time: 1441 }, "got 1441 minutes"],
    [{ time: "0.01", unit: "Min" }, 'got "0.01" minutes'],
    [{ time: 25, unit: "hours" }, "settings.time: expected from 1 second to 24 hours; got 25 hours"],
    [{ time: 1.5, unit: "days" }, "(1 day)"],
    [{ time: "9".repeat(10_000) }, "(10002 characters) minutes"],
    [{ unit: undefined }, "settings.unit: expected seconds, minutes, hours or days; got nothing"],
    [{ unit: "weeks" }, 'got "weeks"'],
    [{ unit: "minutes 5 seconds" }, 'got "minutes 5 seconds"'],
    [{ unit: "ſ" }, 'got "ſ"'],
    [{ unit: "" }, 'got ""'],
    [{ unit: "milliseconds" }, 'got "milliseconds"'],
    [{ unit: 5 }, "got 5"],
    [{ unlessChanged: "order.status" }, 'got "order.status": write a list, even of one'],
    [
      { unlessChanged: null },
      'settings.unlessChanged: expected a list of paths such as ["order.status"], or true for all of the data; got null',
    ],
    [{ unlessChanged: {} }, "got an object with no keys"],
    [{ unlessChanged: ["a", 5] }, 'settings.unlessChanged[1]: expected a path such as "order.status"; got 5'],
    [{ unlessChanged: new Array(1) }, "settings.unlessChanged[0]: expected a path"],
    [{ unlessChanged: ["{{a}}"] }, 'settings.unlessChanged[0]: "{{a}}" has a brace: write only the names'],
    [{ unlessChanged: [""] }, '"" has no name'],
    [{ ttl: "5m" }, "settings.ttl: no such setting: expected key, time, unit, unlessChanged"],
    [{ "a b": 1 }, 'settings["a b"]: no such setting'],
    [JSON.parse('{ "__proto__": { "key": "k" } }'), "settings.__proto__: no such setting"],
  ])("%o", (fields, expected) => {
    const json = Object.defineProperties({ ...FORM }, Object.getOwnPropertyDescriptors(fields));
    const message = messageOf(json);
    expect(message).toContain(expected);
    expect(message.split("\n")).toHaveLength(1);
  });

  it("all at once, a line each", () => {
    const json = { key: "{{}} {{a", time: "soon", unit: "weeks", unlessChanged: [1, "a."], foo: 1 };
    const fields = messageOf(json)
      .split("\n")
      .map(line => line.slice(0, line.indexOf(": ")));
    expect(fields.sort()).toEqual(
      ["foo", "key", "key", "time", "unit", "unlessChanged[0]", "unlessChanged[1]"].map(
        name => `settings.${name}`,
      ),
    );
  });

  it("and of more than twenty says how many there are", () => {
    const lines = messageOf({ ...FORM, key: "}}".repeat(5_000) }).split("\n");
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("… and 4980 more faults");
  });

  it("cut where it is long", () => {
    const long = "x".repeat(100_000);
    const json = { key: `{{.${long}}}`, time: long, unit: long, unlessChanged: [`${long}.`], [long]: 1 };
    for (const line of messageOf(json).split("\n")) expect(line.length).toBeLessThan(400);
  });

  it("for what is inherited there is nothing", () => {
    expect(messageOf(Object.create(FORM))).toContain("settings.key: expected");
  });
});

it("settings can be handed on as a type", () => {
  expectTypeOf(readSettings).returns.toEqualTypeOf<IdempotencySettings>();
});
