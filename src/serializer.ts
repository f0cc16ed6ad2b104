import { isPlainObject } from "./builtins.ts";

/** How a result becomes text in the store, and a value again. */
export interface Serializer {
  /** Gives the text to keep. Where it throws, the result counts as not storable. */
  stringify(value: unknown): string;
  /** Gives back the value of such a text. Where it throws, the call gets `RESULT_UNAVAILABLE`. */
  parse(text: string): unknown;
}

// Deeper plain data goes to the graph form, which needs no stack.
const MAX_JSON_DEPTH = 200;

// What refers to one object again and again unfolds without end in JSON; the graph form names it once.
const MAX_JSON_NODES = 1_000_000;

/** Whether JSON gives the value back deep-equal: no `undefined`, `-0`, hole, cycle or instance of a class. */
export function isFaithfulJson(value: unknown): boolean {
  return isFaithfulNode(value, 0, { left: MAX_JSON_NODES });
}

function isFaithfulNode(value: unknown, depth: number, nodes: { left: number }): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || depth > MAX_JSON_DEPTH || nodes.left-- === 0 || "toJSON" in value)
    return false;
  if (Array.isArray(value)) {
    const keys = Object.keys(value);
    if (keys.length !== value.length || !isPlainArray(value, keys)) return false;
    return value.every(child => isFaithfulNode(child, depth + 1, nodes));
  }
  if (Object.getPrototypeOf(value) === null || !isPlainObject(value)) return false;
  for (const key in value) {
    if (!isFaithfulNode(value[key], depth + 1, nodes)) return false;
  }
  return true;
}

/** Whether an array is elements (or holes) and nothing more: no class but its own realm's `Array`, no property. */
export function isPlainArray(array: unknown[], keys: string[] = Object.keys(array)): boolean {
  const prototype = Object.getPrototypeOf(array);
  const isArray =
    prototype === Array.prototype || (Array.isArray(prototype) && prototype.constructor?.name === "Array");
  // Elements come first among the keys, so that the last one tells of all.
  const last = keys.at(-1);
  const isElement =
    last === undefined || (String(Number(last) >>> 0) === last && Number(last) < array.length);
  return isArray && isElement && Object.getOwnPropertySymbols(array).length === 0;
}
