import { describe } from "../util/describe.ts";
import { type Path, readPath } from "./path.ts";

/** A piece of a template: text to the letter, or the path of the value that comes in its place. */
export type Piece = string | Path;

/** A template as it was read. With faults it is not to be used. */
export interface Template {
  readonly pieces: readonly Piece[];
  /** What is wrong, each with the character where it stands. */
  readonly faults: readonly string[];
}

const BRACES = /\{\{|\}\}/g;
// To the first brace that no backslash takes to the letter.
const WITHIN = /(?:[^\\{}]|\\[\s\S])*/y;

/**
 * Reads text with places such as `{{order.id}}`. A backslash takes two braces to the letter, and another one before it
 * itself. The time grows with the length, whatever the text: each character is passed a fixed number of times.
 */
export function readTemplate(template: string): Template {
  const pieces: Piece[] = [];
  const faults: string[] = [];
  let text = "";
  let from = 0;
  let isLiteral = false; // Braces to the letter are open, whose other two need no backslash.
  for (;;) {
    BRACES.lastIndex = from;
    const at = BRACES.exec(template)?.index ?? template.length;
    const slashes = slashesBefore(template, at, from);
    const braces = template.slice(at, at + 2);
    text += template.slice(from, braces === "" ? at : at - Math.ceil(slashes / 2));
    if (braces === "") break;
    from = at + 2;
    if (slashes % 2 === 1 || (braces === "}}" && isLiteral)) {
      text += braces;
      isLiteral = braces === "{{";
    } else if (braces === "}}") {
      faults.push(strayAt(at));
    } else {
      const place = readPlace(template, at);
      from = place.end;
      if ("fault" in place) faults.push(place.fault);
      else pieces.push(...(text === "" ? [] : [text]), place.names);
      text = "";
    }
  }
  if (text !== "") pieces.push(text);
  return { pieces, faults };
}

/** How many backslashes stand before a character, not counting those that were passed. */
function slashesBefore(template: string, at: number, from: number): number {
  let first = at;
  while (first > from && template[first - 1] === "\\") first--;
  return at - first;
}

const strayAt = (at: number) =>
  `"}}" at character ${at + 1} closes nothing: write "{{" before the path, or "\\}}" for the braces themselves`;

/** Reads a place from its first brace on, and says where to go on. */
function readPlace(
  template: string,
  at: number,
): { end: number; names: Path } | { end: number; fault: string } {
  WITHIN.lastIndex = at + 2;
  const inner = WITHIN.exec(template)![0];
  const stop = at + 2 + inner.length;
  const braces = template.slice(stop, stop + 2);
  if (braces === "}}") {
    const path = readPath(inner);
    if ("names" in path) return { end: stop + 2, names: path.names };
    return { end: stop + 2, fault: `${describe(`{{${inner}}}`)} at character ${at + 1} has ${path.fault}` };
  }
  const isSingle = braces !== "" && braces !== "{{" && template[stop] !== "\\";
  if (!isSingle) return { end: braces === "{{" ? stop : template.length, fault: unclosedAt(at) };
  BRACES.lastIndex = stop + 1;
  const next = BRACES.exec(template);
  const end = next === null ? template.length : next.index + (next[0] === "}}" ? 2 : 0);
  return { end, fault: braceAt(template, at, stop) };
}

const unclosedAt = (at: number) =>
  `"{{" at character ${at + 1} is not closed: write a path and "}}" after it, such as "{{order.id}}", or "\\{{" for the braces themselves`;

function braceAt(template: string, at: number, stop: number): string {
  const brace = template[stop]!;
  return `the place at character ${at + 1} has a single "${brace}" at character ${stop + 1}: write two braces at each end, such as "{{order.id}}", or "\\${brace}" for a brace in a name`;
}
