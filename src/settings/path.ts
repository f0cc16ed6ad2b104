import { builtinModule } from "../util/platform.ts";

/** The names that lead to a value in the data. */
export type Path = readonly string[];

const WHITE = /\s/;

/**
 * The names of a path such as `order.items.0`, or what is wrong with it. A backslash takes the next character to the
 * letter; other white space around names is no part of them.
 */
export function readPath(text: string): { names: Path } | { fault: string } {
  const names: string[] = [];
  // Of a name, what follows the last character that counts is white space so far.
  let name = "";
  let kept = 0;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (character === undefined || character === ".") {
      if (kept === 0) return { fault: names.length === 0 && character === undefined ? EMPTY : GAP };
      names.push(name.slice(0, kept));
      name = "";
      kept = 0;
    } else if (character === "\\") {
      if (++at === text.length)
        return { fault: 'a backslash at its end: write "\\\\" for the backslash itself' };
      name += text[at];
      kept = name.length;
    } else if (character === "{" || character === "}") {
      return {
        fault: `a brace: write only the names, such as order.id, or "\\${character}" for the brace itself`,
      };
    } else if (!WHITE.test(character)) {
      name += character;
      kept = name.length;
    } else if (kept > 0) {
      name += character;
    }
  }
  return { names };
}

const EMPTY = "no name: write the path of a value, such as order.id";
const GAP = "no name at one side of a dot: write one between dots, such as order.id";

/** The path as it is written, without the white space that does not count. */
export const pathText = (path: Path) => path.map(name => name.replace(/[\\.{}]|^\s|\s$/g, "\\$&")).join(".");

/** What a path leads to: a value, nothing, or something that would run code when it is read. */
export type Found =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "nothing"; readonly missing: string; readonly within: string }
  | { readonly kind: "code"; readonly code: string };

/**
 * Looks a path up: own enumerable properties that hold a value, as JSON has them. Nothing that is inherited is seen, no
 * getter is called (section 13).
 */
export function lookUp(data: unknown, path: Path): Found {
  let value = data;
  for (const [depth, name] of path.entries()) {
    const proxy = proxyIn(value);
    if (proxy !== undefined) return { kind: "code", code: proxy };
    const property = propertyOf(value, name);
    if (property === undefined) {
      return { kind: "nothing", missing: name, within: pathText(path.slice(0, depth)) };
    }
    if (!Object.hasOwn(property, "value")) return { kind: "code", code: GETTER };
    value = property.value;
  }
  const proxy = proxyIn(value);
  return proxy === undefined ? { kind: "value", value } : { kind: "code", code: proxy };
}

const GETTER = "a getter, which is not called";

function propertyOf(value: unknown, name: string): PropertyDescriptor | undefined {
  // JSON text can have a property of this name, but nobody's data does.
  if (typeof value !== "object" || value === null || name === "__proto__") return undefined;
  const property = Object.getOwnPropertyDescriptor(value, name);
  return property?.enumerable ? property : undefined;
}

interface NodeUtil {
  types?: { isProxy?(value: unknown): boolean };
}

/** Names a proxy, whose traps are code; undefined for any other value, and on a runtime that has no way to find out. */
function proxyIn(value: unknown): string | undefined {
  const isProxy = builtinModule<NodeUtil>("node:util")?.types?.isProxy?.(value);
  return isProxy ? "a proxy: give plain data" : undefined;
}

// What is read of an object's prototypes to find out what it is.
const INHERITED = [Symbol.toStringTag, "then", "constructor"];

/** What would run code if data was gone through, down to its depths; undefined where there is nothing of the kind. */
export function codeIn(data: unknown): string | undefined {
  const seen = new Set<unknown>([data]);
  // Grows while it is gone through: a list in place of a stack that could overflow.
  for (const value of seen) {
    if (typeof value !== "object" || ArrayBuffer.isView(value)) continue;
    for (let at = value; at !== null; at = Object.getPrototypeOf(at)) {
      const proxy = proxyIn(at);
      if (proxy !== undefined) return proxy;
      for (const key of at === value ? Reflect.ownKeys(at) : INHERITED) {
        const property = Object.getOwnPropertyDescriptor(at, key);
        if (property && !Object.hasOwn(property, "value")) return GETTER;
        if (typeof property?.value === "object") seen.add(property.value);
      }
    }
    for (const member of membersOf(value)) seen.add(member);
  }
  return undefined;
}

/** The members of a `Map` or `Set` of any realm. */
function membersOf(value: object | null): Iterable<unknown> {
  const name = Object.prototype.toString.call(value).slice(8, -1);
  try {
    if (name === "Map") return [...Map.prototype.entries.call(value as never)].flat();
    if (name === "Set") return Set.prototype.values.call(value as never);
  } catch {
    // It only says that it is one: the fingerprint refuses it.
  }
  return [];
}
