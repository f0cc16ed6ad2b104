import { isPlainArray, isPlainObject } from "../util/plain-data.ts";

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
