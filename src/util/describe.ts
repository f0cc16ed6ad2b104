import { disown, isPromise } from "./awaitable.ts";

const MAX_SHOWN = 80;

function shorten(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)`;
}

/** Names a value in an error message: what came, in a few words. Never throws. */
export function describe(value: unknown): string {
  if (typeof value === "string") return shorten(JSON.stringify(value));
  if (typeof value === "bigint") return shorten(`${value}n`);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  try {
    if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
    return `an object with ${shorten(Object.keys(value).join(", ")) || "no keys"}`;
  } catch {
    return "an object that cannot be read";
  }
}

/** As {@link describe}, of a value that is refused. If it is a promise, its rejection is marked as handled. */
export function describeRefused(value: unknown): string {
  if (!isPromise(value)) return describe(value);
  disown(value);
  return "a promise";
}

/** Why something failed, by what it threw: an error's message, or what came. Never throws. */
export function reasonOf(cause: unknown): string {
  try {
    // A client's own errors may have nothing but a class.
    if (cause instanceof Error) {
      const { message } = cause;
      if (typeof message === "string" && message !== "") return message;
      return `${cause.constructor?.name}, without a message`;
    }
  } catch {
    // Described like any other value.
  }
  return describe(cause);
}

const STORABLE =
  /^(?:Object|Array|Date|Map|Set|ArrayBuffer|DataView|Buffer|(?:Big)?(?:Int|Uint|Float)\d+\w*)$/;

/** Names what is no plain data by its class: `a ReadableStream`. Never throws. */
export function describeClass(value: unknown): string {
  if (typeof value !== "object" || value === null) return describe(value);
  try {
    const made: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    const isNamed = typeof made === "string" && made !== "" && made !== "Object";
    const name = shorten(isNamed ? made : Object.prototype.toString.call(value).slice(8, -1));
    return `${/^[AEIO]/i.test(name) ? "an" : "a"} ${name}${STORABLE.test(name) ? " that is more than plain data" : ""}`;
  } catch {
    return "an object that cannot be read";
  }
}
