import { InvalidOptionError } from "../contract/errors.ts";
import { describe } from "../util/describe.ts";
import { keyFor, type Watched } from "./key-for.ts";
import { type Path, pathText, readPath } from "./path.ts";
import type { IdempotencySettings, SettingsJson } from "./settings.ts";
import type { SettingsIssue, SettingsResult, SettingsStandard } from "./standard.ts";
import { type Piece, readTemplate } from "./template.ts";
import { got, readWindow } from "./time.ts";

/** A function that reads settings. It is also a Standard Schema. */
export interface SettingsReader {
  /** Reads settings, or throws `INVALID_OPTION` with a line for each fault. */
  (json: unknown): IdempotencySettings;
  /** The Standard Schema, for forms, routers and validators that take one. */
  readonly "~standard": SettingsStandard;
}

/** Tells a fault of the value at a path. */
type Report = (path: SettingsIssue["path"], message: string) => void;

const EXAMPLE = '{ "key": "order-shipped:{{order.id}}", "time": 5, "unit": "minutes" }';
const FIELDS = ["key", "time", "unit", "unlessChanged"];

function readKey(value: unknown, report: Report): readonly Piece[] {
  const refuse = (message: string) => report(["key"], message);
  if (typeof value !== "string" || value.trim() === "") {
    refuse(
      `expected text such as "order-shipped:{{order.id}}", which says what is done once; got ${got(value)}`,
    );
    return [];
  }
  if (!value.isWellFormed()) refuse(`${describe(value)} has a lone surrogate: not well-formed Unicode`);
  const { pieces, faults } = readTemplate(value);
  for (const fault of faults) refuse(fault);
  return pieces;
}

function readWatched(value: unknown, report: Report): Watched {
  if (value === true) return true;
  if (value === undefined || value === false) return [];
  if (!Array.isArray(value)) {
    const hint = typeof value === "string" ? ": write a list, even of one" : "";
    report(
      ["unlessChanged"],
      `expected a list of paths such as ["order.status"], or true for all of the data; got ${got(value)}${hint}`,
    );
    return [];
  }
  return value.map((item: unknown, i) => readItem(item, message => report(["unlessChanged", i], message)));
}

function readItem(item: unknown, refuse: (message: string) => void): Path {
  const path = typeof item === "string" ? readPath(item) : undefined;
  if (path === undefined) refuse(`expected a path such as "order.status"; got ${got(item)}`);
  else if ("names" in path) return path.names;
  else refuse(`${describe(item)} has ${path.fault}`);
  return [];
}

/** A copy of the fields that are given; undefined, with a fault, for what has none. */
function fieldsOf(json: unknown, report: Report): Readonly<Record<string, unknown>> | undefined {
  try {
    if (typeof json === "object" && json !== null && !Array.isArray(json)) {
      // Own properties, into an object that inherits none.
      const fields = Object.assign(Object.create(null), json);
      if (Array.isArray(fields.unlessChanged)) fields.unlessChanged = Array.from(fields.unlessChanged);
      return fields;
    }
    const hint = typeof json === "string" ? ": read text with JSON.parse first" : "";
    report([], `expected an object such as ${EXAMPLE}; got ${got(json)}${hint}`);
  } catch {
    report([], `expected an object such as ${EXAMPLE}; got one that cannot be read`);
  }
  return undefined;
}

function validate(json: unknown): SettingsResult {
  const issues: SettingsIssue[] = [];
  const report: Report = (path, message) => issues.push({ message, path });
  const fields = fieldsOf(json, report);
  if (fields === undefined) return { issues };
  for (const name of Object.keys(fields).filter(name => !FIELDS.includes(name))) {
    report([name], `no such setting: expected ${FIELDS.join(", ")}`);
  }
  const { key, time, unit, unlessChanged } = fields;
  const pieces = readKey(key, report);
  const milliseconds = readWindow(time, unit, (field, message) => report([field], message));
  const watched = readWatched(unlessChanged, report);
  if (issues.length > 0 || milliseconds === undefined) return { issues };
  const settings: IdempotencySettings = {
    ttl: Object.freeze({ milliseconds }),
    paths: Object.freeze(pieces.filter(piece => typeof piece !== "string").map(pathText)),
    keyFor: data => keyFor(pieces, watched, data),
    json: copyOf(fields as unknown as SettingsJson),
  };
  return { value: Object.freeze(settings) };
}

function copyOf({ key, time, unit, unlessChanged }: SettingsJson): SettingsJson {
  const watched = Array.isArray(unlessChanged) ? Object.freeze([...unlessChanged]) : unlessChanged;
  return Object.freeze({ key, time, unit, ...(watched === undefined ? {} : { unlessChanged: watched }) });
}

const MAX_TOLD = 20;

/** Every fault, one a line. */
function messageOf(issues: readonly SettingsIssue[]): string {
  const lines = issues
    .slice(0, MAX_TOLD)
    .map(({ message, path }) => `settings${path.map(step).join("")}: ${message}`);
  const more = issues.length - lines.length;
  return [...lines, ...(more > 0 ? [`… and ${more} more faults`] : [])].join("\n");
}

function step(name: string | number): string {
  if (typeof name === "string" && /^[a-z_$][\w$]{0,40}$/i.test(name)) return `.${name}`;
  return `[${describe(name)}]`;
}

/**
 * Reads the settings that a person entered in a form: what must happen only once (`key`), for how long (`time` and
 * `unit`), and which data makes it a new event when it changes (`unlessChanged`). It is also a Standard Schema:
 * `readSettings["~standard"]`.
 *
 * @example
 * ```ts
 * import { withIdempotency } from "with-idempotency";
 * import { readSettings } from "with-idempotency/settings";
 *
 * const { keyFor, ttl } = readSettings({
 *   key: "order-shipped:{{order.id}}:{{user.id}}",
 *   time: 5,
 *   unit: "minutes",
 *   unlessChanged: ["order.status"],
 * });
 * const data = { order: { id: 42, status: "shipped" }, user: { id: 7 } };
 * console.log(await withIdempotency(keyFor(data), ttl, () => "sent")); // → sent
 * ```
 *
 * @throws InvalidOptionError `INVALID_OPTION`, with a line for each fault: the field, what came, and what to write
 */
export const readSettings: SettingsReader = /* @__PURE__ */ Object.assign(
  function readSettings(json: unknown): IdempotencySettings {
    const { value, issues } = validate(json) as { value: IdempotencySettings; issues?: SettingsIssue[] };
    if (issues !== undefined) throw new InvalidOptionError(messageOf(issues));
    return value;
  },
  {
    "~standard": /* @__PURE__ */ Object.freeze<SettingsStandard>({
      version: 1,
      vendor: "with-idempotency",
      validate,
    }),
  },
);
