import { describe } from "../util/describe.ts";
import { builtinName, bytesOf, isPlainArray, isPlainObject } from "../util/plain-data.ts";
import { digest } from "../util/sha256.ts";
import { InvalidOptionError } from "./errors.ts";

const LENGTH = 22; // 132 bits

/**
 * A short stable digest of any plain data: 22 characters of `[A-Za-z0-9_-]`, the same on every machine and runtime.
 *
 * The order of object keys (and of the entries of a `Map` or `Set`) makes no difference; everything else does:
 * `1` and `"1"`, `null`, `undefined` and absent, `[]` and `{}`, a `Date` and its text. Put into a key it means
 * "until the data changes": `["order-shipped", userId, fingerprint(data)]`.
 *
 * @throws InvalidOptionError `INVALID_OPTION` where the data holds a function, a symbol or a class instance
 */
export function fingerprint(data: unknown): string {
  try {
    return digest(canonical(data, [])).slice(0, LENGTH);
  } catch (cause) {
    const why = cause instanceof Unsupported ? cause.message : "data that cannot be read";
    throw new InvalidOptionError(`fingerprint: expected plain data; got ${why}`, { cause });
  }
}

class Unsupported extends Error {}

/** A text that is equal for equal data only. `ancestors` are the objects around the value. */
function canonical(value: unknown, ancestors: readonly object[]): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function" || typeof value === "symbol") throw new Unsupported(describe(value));
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  const depth = ancestors.indexOf(value);
  // A cycle: how far up it leads says the same whatever the order of keys.
  if (depth >= 0) return `^${ancestors.length - depth}`;
  return container(value, [...ancestors, value]);
}

function container(value: object, ancestors: readonly object[]): string {
  const inner = (child: unknown) => canonical(child, ancestors);
  const pair = ([key, child]: [unknown, unknown]) => `${inner(key)}:${inner(child)}`;
  const sorted = (entries: Iterable<string>) => [...entries].sort().join();
  if (Array.isArray(value) && isPlainArray(value)) {
    return `[${Array.from(value, (child, i) => (i in value ? inner(child) : "-"))}]`;
  }
  if (isPlainObject(value)) return `{${sorted(Object.entries(value).map(pair))}}`;
  const name = builtinName(value);
  switch (name) {
    case undefined:
      throw new Unsupported(`${describe(value)}, which is more than plain data`);
    case "Date":
      return `Date(${Date.prototype.getTime.call(value)})`;
    case "Map":
      return `Map(${sorted(Array.from(Map.prototype.entries.call(value), pair))})`;
    case "Set":
      return `Set(${sorted(Array.from(Set.prototype.values.call(value), inner))})`;
    default:
      return `${name}(${bytesOf(value)})`;
  }
}
