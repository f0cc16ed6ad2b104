import { toBase64 } from "./bytes.ts";
import { describeClass } from "./describe.ts";
import { bytesOf, hasHole, kindOf } from "./plain-data.ts";

/** Thrown for what is no plain data. */
export class Unsupported extends Error {}

/** An entry of a `Map`, as a value of its own. */
class Entry {
  readonly pair: readonly [unknown, unknown];
  constructor(pair: readonly [unknown, unknown]) {
    this.pair = pair;
  }
}

/** What a value is made of. */
export interface Parts {
  children: readonly unknown[];
  /** The position of each child, as text; undefined where it is the child's index. */
  labels?: readonly string[];
  /** The value's text, from those of its children. */
  text(children: string[], isSmall: boolean): string;
  /** How many bytes it is, where it is bytes. */
  bytes?: number;
}

const leaf = (text: Parts["text"]): Parts => ({ children: [], text });
const unordered = (children: unknown[], name: string): Parts => ({
  children,
  labels: children.map(() => ""),
  text: texts => `${name}(${texts.sort()})`,
});

export function partsOf(value: unknown): Parts {
  if (typeof value !== "object" || value === null) return leaf(() => primitive(value));
  if (value instanceof Entry) return { children: value.pair, text: texts => texts.join(":") };
  const kind = kindOf(value);
  switch (kind) {
    case undefined:
      throw new Unsupported(describeClass(value));
    case "Array":
      return hasHole(value as unknown[]) ? sparse(value as unknown[]) : whole(value as unknown[]);
    case "Object":
    case "Null": {
      const labels = Object.keys(value).map(key => JSON.stringify(key));
      const text: Parts["text"] = texts => `{${texts.map((child, i) => `${labels[i]}:${child}`).sort()}}`;
      return { children: Object.values(value), labels, text };
    }
    case "Date":
      return leaf(() => `Date(${Date.prototype.getTime.call(value)})`);
    case "Map":
      return unordered(
        Array.from(Map.prototype.entries.call(value), pair => new Entry(pair)),
        kind,
      );
    case "Set":
      return unordered([...Set.prototype.values.call(value)], kind);
    default:
      return {
        ...leaf((_, isSmall) => `${kind}(${isSmall ? bytesOf(value) : toBase64(value)})`),
        bytes: bytesOf(value).length,
      };
  }
}

const whole = (array: unknown[]): Parts => ({ children: array, text: texts => `[${texts}]` });

function sparse(array: unknown[]): Parts {
  const labels = Object.keys(array);
  return {
    children: Object.values(array),
    labels,
    text(texts) {
      if (array.length > MAX_HOLES)
        return `[${array.length}:${texts.map((child, i) => `${labels[i]}:${child}`)}]`;
      const all = new Array<string>(array.length).fill("-");
      for (const [i, text] of texts.entries()) all[Number(labels[i])] = text;
      return `[${all}]`;
    },
  };
}

const MAX_HOLES = 10_000;

export function primitive(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || typeof value === "symbol") throw new Unsupported(describeClass(value));
  return Object.is(value, -0) ? "-0" : String(value);
}
