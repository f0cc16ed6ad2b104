// A name: what no other rule takes, or anything behind a backslash. In ECMAScript's dialect, as JSON Schema advises.
const NAME = String.raw`(?:[^\s\\{}.]|\\[\s\S])`;
const NAMES = String.raw`\s*${NAME}(?:${NAME}|\s)*`;
const PATH = String.raw`${NAMES}(?:\.${NAMES})*`;

// A template: text, places, and two braces to the letter. Each alternative begins in a way of its own, so that no text
// takes a validator long.
const PAIRS = String.raw`(?:\\\\)*`;
const TEXT = String.raw`[^\\{}]|\{(?!\{)|\}(?!\})|\\+(?!\\|\{\{|\}\})`;
const PLACE = String.raw`${PAIRS}\{\{${PATH}\}\}`;
const OPEN = String.raw`${PAIRS}\\\{\{`;
const SHUT = String.raw`${PAIRS}\\\}\}`;
const WITHIN = `(?:${TEXT}|${PLACE}|${OPEN})*`;
const TEMPLATE = String.raw`^(?=\s*\S)(?:${TEXT}|${PLACE}|${SHUT}|${OPEN}${WITHIN}(?:${SHUT}|${PAIRS}\}\}))*(?:${OPEN}${WITHIN})?$`;

const anyCase = (text: string) => text.replace(/[a-z]/g, letter => `[${letter}${letter.toUpperCase()}]`);

/** A unit: its names, and what a time in it may be, as a number and as the text of one. */
interface UnitRule {
  readonly names: string;
  readonly number: Readonly<Record<string, number>>;
  readonly text: string;
}

const FRACTION = String.raw`(?:\.\d+)?`;
const ZERO = String.raw`(?:\.0+)?`;

// The least is a second: 0.01666… minutes, 0.0002777… hours, 0.00001157407407… days.
const UNITS: readonly UnitRule[] = [
  {
    names: "s|secs?|seconds?",
    number: { minimum: 1, maximum: 86_400 },
    text: String.raw`(?:[1-9]\d{0,3}|[1-7]\d{4}|8[0-5]\d{3}|86[0-3]\d{2})${FRACTION}|86400${ZERO}`,
  },
  {
    names: "m|mins?|minutes?",
    // The number next to 1/60 is a little less.
    number: { exclusiveMinimum: 1 / 60, maximum: 1_440 },
    text: String.raw`(?:[1-9]\d{0,2}|1[0-3]\d{2}|14[0-3]\d)${FRACTION}|1440${ZERO}|0\.(?:[1-9]|0[2-9]|01[7-9]|016+[7-9])\d*`,
  },
  {
    names: "h|hrs?|hours?",
    number: { minimum: 1 / 3_600, maximum: 24 },
    text: String.raw`(?:[1-9]|1\d|2[0-3])${FRACTION}|24${ZERO}|0\.(?:0{0,2}[1-9]|000[3-9]|0002[89]|00027+[89])\d*`,
  },
  {
    names: "d|days?",
    number: { exclusiveMinimum: 1 / 86_400, maximum: 1 },
    text: String.raw`1${ZERO}|0\.(?:0{0,3}[1-9]|0000(?:[2-9]|1[2-9]|11[6-9]|115[89]|1157(?:407)*(?:[5-9]|4[1-9]|40[89])))\d*`,
  },
];

const unitPattern = (names: string) => `^(?:${anyCase(names)})$`;

/** What a time may be when its unit is that one. */
const windowOf = ({ names, number, text }: UnitRule) => ({
  if: { properties: { unit: { type: "string", pattern: unitPattern(names) } }, required: ["unit"] },
  then: {
    properties: {
      time: {
        anyOf: [
          { type: "number", ...number },
          { type: "string", pattern: `^0*(?:${text})$` },
        ],
      },
    },
  },
});

function frozen<T extends object>(value: T): Readonly<T> {
  for (const child of Object.values(value)) if (typeof child === "object") frozen(child);
  return Object.freeze(value);
}

const makeSchema = () => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Idempotency",
  description: "What is done once, and for how long.",
  type: "object",
  properties: {
    key: {
      title: "Key",
      description: "What is done once: text, with the paths of values in double braces.",
      type: "string",
      pattern: TEMPLATE,
      examples: ["order-shipped:{{order.id}}:{{user.id}}"],
    },
    time: {
      title: "Time",
      description: "How long a repeated event does nothing, in the unit: from 1 second to 24 hours.",
      anyOf: [{ type: "number" }, { type: "string", pattern: String.raw`^\d+${FRACTION}$` }],
      examples: [5],
    },
    unit: {
      title: "Unit",
      description: "Seconds, minutes, hours or days.",
      type: "string",
      pattern: unitPattern(UNITS.map(({ names }) => names).join("|")),
      examples: ["seconds", "minutes", "hours", "days"],
    },
    unlessChanged: {
      title: "Unless changed",
      description: "Paths of data: when it changes, the event is another one. True for all of the data.",
      anyOf: [{ type: "boolean" }, { type: "array", items: { type: "string", pattern: `^${PATH}$` } }],
      examples: [["order.status"], true],
    },
  },
  required: ["key", "time", "unit"],
  additionalProperties: false,
  allOf: UNITS.map(windowOf),
});

/**
 * The input of `readSettings` as JSON Schema (2020-12), for editors, form builders and validators. It is plain,
 * frozen data. One rule cannot be expressed in it: the key must be well-formed Unicode.
 *
 * @example
 * ```ts
 * import { Ajv2020 } from "ajv/dist/2020.js";
 * import { settingsSchema } from "with-idempotency/settings";
 *
 * const isValid = new Ajv2020().compile(settingsSchema);
 * console.log(isValid({ key: "order-shipped:{{order.id}}", time: 5, unit: "minutes" })); // → true
 * ```
 */
export const settingsSchema: Readonly<Record<string, unknown>> = /* @__PURE__ */ frozen(
  /* @__PURE__ */ makeSchema(),
);
