// Objects of another realm (a test runner's sandbox, a vm context) have prototypes of their own, so what an object is
// shows in its shape and not by `instanceof`.

function isRoot(prototype: object): boolean {
  return (
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf"))
  );
}

/** Whether a value is an object of named properties and nothing more: no class, no symbols. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return (prototype === null || isRoot(prototype)) && Object.getOwnPropertySymbols(value).length === 0;
}

/** Names of the typed arrays, those to come included. */
export const TYPED_ARRAYS = /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/;
const BUILTINS = /^(?:Date|Map|Set|ArrayBuffer|DataView)$/;

/**
 * The name of the built-in class that a value is a direct instance of: `Date`, `Map`, `Set`, `ArrayBuffer`,
 * `DataView`, a typed array, or Node's `Buffer`. Undefined for anything else: for a subclass, and where a property
 * was added (but to a typed array, which would have to list all of its elements to tell).
 */
export function builtinName(value: object): string | undefined {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const prototype = Object.getPrototypeOf(value);
  if (TYPED_ARRAYS.test(tag)) {
    if (prototype === globalThis.Buffer?.prototype) return "Buffer";
    return isRoot(Object.getPrototypeOf(Object.getPrototypeOf(prototype))) ? tag : undefined;
  }
  const hasMore = Object.keys(value).length > 0 || Object.getOwnPropertySymbols(value).length > 0;
  if (!BUILTINS.test(tag) || hasMore) return undefined;
  // A test's fake `Date` is a subclass of the real one, and stands in its place.
  const current = (globalThis as unknown as Record<string, { prototype: unknown }>)[tag];
  const isCurrent = prototype === current?.prototype;
  return isCurrent || isRoot(Object.getPrototypeOf(prototype)) ? tag : undefined;
}

/** The bytes behind a typed array, a `DataView` or an `ArrayBuffer`. Throws for anything else. */
export function bytesOf(value: object): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array((value as ArrayBuffer).slice(0));
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
