import { toJson } from "../util/json.ts";
import { kindOf } from "../util/plain-data.ts";

// Deeper plain data goes to the graph form, which needs no stack.
const MAX_JSON_DEPTH = 200;

// JSON writes again what is referred to again, and what does so at every level unfolds without end.
const MAX_UNFOLDED = 1_000;

interface Walk {
  /** How many containers may still come before each has to be a new one. */
  left: number;
  /** Those that came after that many. */
  seen: Set<object> | undefined;
  /** Whether a prototype in the data has a `toJSON`, in another realm too. */
  isPatched: boolean;
}

/**
 * The JSON of a value that comes back deep-equal from JSON: it has no `undefined`, `-0`, hole, cycle or instance of a
 * class. Undefined for any other.
 */
export function faithfulJson(value: unknown): string | undefined {
  const walk: Walk = { left: MAX_UNFOLDED, seen: undefined, isPatched: false };
  try {
    return isFaithful(value, 0, walk) ? toJson(value, walk.isPatched) : undefined;
  } catch {
    // What cannot be read is named by the graph form.
    return undefined;
  }
}

function isFaithful(value: unknown, depth: number, walk: Walk): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || depth > MAX_JSON_DEPTH || !isNew(value, walk)) return false;
  const kind = kindOf(value);
  if ("toJSON" in value) {
    if (Object.hasOwn(value, "toJSON")) return false;
    walk.isPatched = true;
  }
  if (kind === "Array") return areFaithful(value as unknown[], depth, walk);
  return kind === "Object" && areFaithful(Object.values(value), depth, walk);
}

function areFaithful(children: readonly unknown[], depth: number, walk: Walk): boolean {
  for (let i = 0; i < children.length; i++) {
    if (!isFaithful(children[i], depth + 1, walk)) return false;
  }
  return true;
}

function isNew(value: object, walk: Walk): boolean {
  if (walk.left-- > 0) return true;
  walk.seen ??= new Set();
  return walk.seen.size < walk.seen.add(value).size;
}
