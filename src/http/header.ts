// RFC 9651, sections 4.2.3 to 4.2.10: an Item that is a String, and parameters, which mean nothing here.
const STRING = String.raw`"((?:[ !#-[\]-~]|\\["\\])*)"`;
const NUMBER = String.raw`-?(?:\d{1,15}|\d{1,12}\.\d{1,3})`;
const OTHERS = [
  STRING.replace("((", "(?:("),
  NUMBER,
  String.raw`@-?\d{1,15}`,
  String.raw`\?[01]`,
  ":[A-Za-z0-9+/=]*:",
  String.raw`[A-Za-z*][\w!#$%&'*+.^\x60|~:/-]*`,
  String.raw`%"(?:[ !#$&-~]|%[\da-f]{2})*"`,
];
const PARAMETERS = `(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:${OTHERS.join("|")}))?)*`;
const ITEM = new RegExp(`^ *${STRING}${PARAMETERS} *$`);

// What clients sent before the draft: a UUID or the like. Neither a list nor an item with parameters.
const BARE = /^ *([!#-+\--:<-~]+) *$/;

/**
 * The key of an `Idempotency-Key` header: what the String says, or the bare text; undefined where it is neither, or is
 * blank. Two headers come joined by a comma, and are neither.
 */
export function parseKey(header: string): string | undefined {
  const [, string] = ITEM.exec(header) ?? [];
  const key = string?.replace(/\\(.)/g, "$1") ?? BARE.exec(header)?.[1];
  return key?.trim() === "" ? undefined : key;
}
