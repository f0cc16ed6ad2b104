import { utf8Length } from "../../util/bytes.ts";

/** How many bytes an outcome may have, unless the store declares less. */
export const MIB = 2 ** 20;

/** With these, a store's language, index or protocol might take two keys for one, or a part of a key for syntax. */
const SUFFIXES = [
  ..."*%_?.'\"`\\/:;{}[]()$#&|^~ \t\n\r\0",
  "[a-z]",
  "\0a",
  "\0b",
  "a",
  "A",
  "é",
  "e\u0301",
  "ß",
  "ss",
  "ſs",
  "ﬁ",
  "fi",
  "İ",
  "ı",
  "\u00a0",
  "\u200b",
  "\ufeff",
  "\ufffd",
  "\uffff",
  "😀",
  "😁",
  "\u{10ffff}",
  "'; --",
  "%00",
  "\\0",
] as const;

const PROPERTIES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then"] as const;

/** Keys of which no two are the same, all but the `PROPERTIES` derived from one that is the caller's own. */
export function awkwardKeys(key: string): string[] {
  const long = [256, 300].map(length => key.padEnd(length - 1, "long-"));
  return [
    ...SUFFIXES.map(suffix => key + suffix),
    ...[" ", "\t", "\ufeff"].map(prefix => prefix + key),
    key,
    key.toUpperCase(),
    ...long.flatMap(start => [`${start}1`, `${start}2`]),
    ...PROPERTIES,
  ];
}

const everyCodeUnit = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));

/** Outcomes, by what is awkward about them. */
export const awkwardOutcomes: Record<string, string> = {
  empty: "",
  blank: " \t\r\n ",
  NUL: "before\0after\0",
  emoji: "sent 👍🏽 to 👩‍👩‍👧",
  unnormalised: "é e\u0301 ﬁ Å Å",
  "a lone high surrogate": "cut \ud83d",
  "a lone low surrogate": "\udc4d cut",
  "surrogates the wrong way round": "\udc4d\ud83d",
  quotes: `it's "quoted" and \`so\``,
  backslashes: "C:\\new\\u0041\\0 \\\\ \\x00 \\ud83d",
  "line ends": "a\nb\r\nc\rd\u2028e\u2029f\n",
  "a number": "1.0",
  JSON: '{"__proto__":{"a":1},"b":null}',
  null: "null",
  "every code unit": everyCodeUnit.join(""),
  "every code unit backwards": everyCodeUnit.reverse().join(""),
  "1 MiB, or as much as the store takes": "0123456789abcdef".repeat(MIB / 16),
  "1 MiB of emoji, or as many as the store takes": "🎉".repeat(MIB / 4),
};

/** As much of an outcome as has room in so many bytes of UTF-8. */
export function fitted(outcome: string, maxBytes: number): string {
  const fits = (length: number) => utf8Length(outcome.slice(0, length), maxBytes) <= maxBytes;
  let [least, most] = [0, outcome.length];
  if (fits(most)) return outcome;
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (fits(middle)) least = middle;
    else most = middle - 1;
  }
  const isHalved = outcome.isWellFormed() && !outcome.slice(0, least).isWellFormed();
  return outcome.slice(0, isHalved ? least - 1 : least);
}
