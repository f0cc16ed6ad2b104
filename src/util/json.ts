/**
 * The JSON of plain data, the same whatever `toJSON` somebody put on a prototype: `JSON.stringify` would call it.
 *
 * @param isPatched whether a prototype has a `toJSON`: this realm's are looked at here
 */
export function toJson(data: unknown, isPatched = "toJSON" in []): string {
  return isPatched ? written(data) : JSON.stringify(data);
}

function written(data: unknown): string {
  // A primitive has no `toJSON` but as a bigint, which is no JSON.
  if (typeof data !== "object" || data === null) return JSON.stringify(data);
  if (Array.isArray(data)) return `[${data.map(written).join()}]`;
  return `{${Object.entries(data).map(([key, value]) => `${JSON.stringify(key)}:${written(value)}`)}}`;
}
