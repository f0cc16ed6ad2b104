import { InvalidKeyError } from "../contract/errors.ts";
import { fingerprint } from "../contract/fingerprint.ts";
import { describe, reasonOf } from "../util/describe.ts";
import { codeIn, type Found, lookUp, type Path, pathText } from "./path.ts";
import type { Piece } from "./template.ts";

/** What makes another key when it changes: some of the data, or all of it. */
export type Watched = readonly Path[] | true;

/**
 * The key of some data: the template's text, each value in square brackets, and at the end the fingerprint of what is
 * watched, with a number sign before it. What has a meaning there has a backslash before it elsewhere, so that a key
 * can be read in one way only: no value runs into another, or into the text.
 */
export function keyFor(pieces: readonly Piece[], watched: Watched, data: unknown): string {
  const faults: string[] = [];
  const parts = pieces.map(piece =>
    typeof piece === "string" ? escaped(piece) : placeOf(data, piece, faults),
  );
  if (watched === true || watched.length > 0) parts.push(`:[#${digestOf(data, watched, faults)}]`);
  if (faults.length > 0) throw new InvalidKeyError(`${faults.join("\n")}\n${ADVICE}`);
  return parts.join("");
}

const escaped = (text: string) => text.replace(/[\\[\]]/g, "\\$&");

function placeOf(data: unknown, path: Path, faults: string[]): string {
  const text = textOf(lookUp(data, path), data, fault =>
    faults.push(`key: expected ${EXPECTED} at {{${pathText(path)}}}; ${fault}`),
  );
  return `[${escaped(text).replace(/^#/, "\\#")}]`;
}

const EXPECTED = "text, a number or a boolean";
const ADVICE = "Give the data these values, or name others in the settings. Nothing ran.";

/** The text of a value, by which keys are compared. */
function textOf(found: Found, data: unknown, refuse: (fault: string) => void): string {
  if (found.kind !== "value") refuse(why(found, data));
  const value = found.kind === "value" ? found.value : undefined;
  const isText = ["string", "bigint", "boolean"].includes(typeof value) || Number.isFinite(value);
  const text = isText ? String(value) : "";
  // An empty place would be one in which the keys of many meet.
  if (found.kind === "value" && text.trim() === "") refuse(`got ${kindOf(value)}`);
  if (!text.isWellFormed()) refuse(`got ${describe(text)}, which has a lone surrogate`);
  return text;
}

function why(found: Exclude<Found, { kind: "value" }>, data: unknown): string {
  if (found.kind === "code") return `got ${found.code}`;
  if (typeof data !== "object" || data === null) {
    const hint = typeof data === "string" ? ": read text with JSON.parse first" : "";
    return `the data is no object: got ${kindOf(data)}${hint}`;
  }
  return `${found.within === "" ? "the data" : describe(found.within)} has no ${describe(found.missing)}`;
}

/** Names a value without a look at what is in it. */
function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return describe(value);
  return Array.isArray(value)
    ? "a list: name one of its values, by its number from 0"
    : "an object: name one of its values";
}

function digestOf(data: unknown, watched: Watched, faults: string[]): string {
  if (watched === true) return digest(data, "in the data", faults);
  // A Map, which is no JSON: so that no data is taken for parts of other data.
  const parts = new Map<string, string>();
  for (const path of watched) {
    const found = lookUp(data, path);
    const name = pathText(path);
    if (found.kind === "code")
      faults.push(`unlessChanged: expected plain data at ${name}; got ${found.code}`);
    else if (found.kind === "value" && found.value !== undefined)
      parts.set(name, digest(found.value, `at ${name}`, faults));
  }
  return fingerprint(parts);
}

function digest(value: unknown, where: string, faults: string[]): string {
  try {
    const code = codeIn(value);
    if (code === undefined) return fingerprint(value);
    faults.push(`unlessChanged: expected plain data ${where}; got ${code}`);
  } catch (error) {
    // What it says after the same words of its own.
    const got = reasonOf(error).replace(/^fingerprint: expected plain data; /, "");
    faults.push(`unlessChanged: expected plain data ${where}; ${got}`);
  }
  return "";
}
