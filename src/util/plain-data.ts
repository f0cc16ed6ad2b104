import { builtinModule } from "./platform.ts";

// Objects of another realm (a test runner's sandbox, a vm context) have prototypes of their own, so what an object is
// shows in its shape and not by `instanceof`.

function isRoot(prototype: object | null): boolean {
  return (
    prototype === Object.prototype ||
    (prototype !== null &&
      Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype, "isPrototypeOf"))
  );
}

/** Names of the typed arrays, those to come included. */
export const TYPED_ARRAYS = /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/;
const BUILTINS = /^(?:Date|Map|Set|ArrayBuffer|DataView)$/;

const hasSymbols = (value: object) => Object.getOwnPropertySymbols(value).length > 0;

/** Whether it has an enumerable key of its own. No list of them is made, which takes 70 bytes for each result. */
function hasKeys(value: object): boolean {
  for (const key in value) if (Object.hasOwn(value, key)) return true;
  return false;
}

/**
 * What plain data an object is: `Array`, `Object`, `Null` (an object without a prototype), `Date`, `Map`, `Set`,
 * `ArrayBuffer`, `DataView`, a typed array, or Node's `Buffer`. Undefined for anything else: for a class of somebody's
 * own, for a changed prototype, and where there is more than the data, such as a property on a `Map`.
 */
export function kindOf(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return isArrays(prototype) && hasElementsOnly(value) ? "Array" : undefined;
  const name = nameOf(value);
  if (prototype === null || isRoot(prototype)) {
    if (name !== "Object" || hasSymbols(value) || isDisguised(value, prototype)) return undefined;
    return prototype === null ? "Null" : "Object";
  }
  const isTyped = TYPED_ARRAYS.test(name);
  if (!isTyped && !BUILTINS.test(name)) return undefined;
  const isWhole = isTyped ? hasElementsOnly(value as Uint8Array) : !hasKeys(value) && !hasSymbols(value);
  if (!isWhole) return undefined;
  if (name === "Uint8Array" && prototype === globalThis.Buffer?.prototype) return "Buffer";
  return isOwn(name, prototype, isTyped) ? name : undefined;
}

/** A view is named by its memory, whatever it says of itself. Any other name may be a lie: to read the value shows that. */
function nameOf(value: object): string {
  if (!ArrayBuffer.isView(value)) return Object.prototype.toString.call(value).slice(8, -1);
  return Reflect.get(Object.getPrototypeOf(Int8Array.prototype), Symbol.toStringTag, value) ?? "DataView";
}

/** Whether a prototype is that of the built-in class of that name, and of no subclass. */
function isOwn(name: string, prototype: object, isTyped: boolean): boolean {
  // A test's fake `Date` is a subclass of the real one, and stands in its place.
  const current = (globalThis as unknown as Record<string, { prototype: unknown } | undefined>)[name];
  if (prototype === current?.prototype) return true;
  const parent = Object.getPrototypeOf(prototype);
  return isMadeBy(name, prototype) && isRoot(isTyped ? Object.getPrototypeOf(parent) : parent);
}

const isMadeBy = (name: string, prototype: object) =>
  Object.hasOwn(prototype, "constructor") && prototype.constructor?.name === name;

const isArrays = (prototype: object | null) =>
  prototype === Array.prototype || (Array.isArray(prototype) && isMadeBy("Array", prototype));

interface NodeUtil {
  inspect(value: unknown, options: object): string;
  types: Record<(typeof HIDDEN)[number], (value: unknown) => boolean>;
}

/** Whether a built-in object had its prototype changed for an ordinary one. Only Node.js has a way to find out. */
function isDisguised(value: object, prototype: object | null): boolean {
  if (prototype !== null && hasKeys(value)) return false;
  const types = builtinModule<NodeUtil>("node:util")?.types;
  return types !== undefined && HIDDEN.some(is => types[is](value));
}

const HIDDEN = ["isMap", "isSet", "isWeakMap", "isWeakSet", "isPromise", "isAnyArrayBuffer"] as const;

// The keys of a long list cost many times its elements.
const LONG = 1_000;
const TOO_LONG = 1_048_576;

const NOTHING_SHOWN = {
  maxArrayLength: 0,
  maxStringLength: 0,
  depth: 0,
  customInspect: false,
  breakLength: 1 / 0,
};

/** Whether a list is elements (or holes) and nothing more. */
function hasElementsOnly(list: ArrayLike<unknown> & object): boolean {
  if (hasSymbols(list)) return false;
  if (list.length > LONG) {
    // Node.js names what comes after the elements without a look at those.
    const shown = builtinModule<NodeUtil>("node:util")?.inspect(list, NOTHING_SHOWN) ?? "";
    if (/ items \]$/.test(shown)) return true;
    if (/ items, /.test(shown)) return false;
    if (list.length > TOO_LONG) return true;
  }
  // Elements come first among the keys, so that the last one stands for all.
  const last = Object.keys(list).at(-1);
  return last === undefined || (String(Number(last) >>> 0) === last && Number(last) < list.length);
}

/** Whether an array has a hole. Not by its keys, which cost many times its elements. */
export function hasHole(array: readonly unknown[]): boolean {
  for (let i = 0; i < array.length; i++) if (array[i] === undefined && !Object.hasOwn(array, i)) return true;
  return false;
}

/** The bytes behind a typed array, a `DataView` or an `ArrayBuffer`. Throws for anything else. */
export function bytesOf(value: object): Uint8Array {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value)
    ? value
    : new DataView(value as ArrayBuffer);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
