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
