import type { Serializer } from "../contract/options.ts";
import { decodeOutcome } from "./outcome-text.ts";

/** An outcome in this process's memory: its text, or what it says in JSON. */
export interface Kept {
  outcome: string | object | undefined;
}

// What is longer takes several times the memory of its text.
const MAX_LENGTH = 1_000;

/**
 * The value of an outcome in this process's memory, each time another (section 9). JSON that is short is read once, and
 * kept in place of its text where `mayKeep`: a copy of it takes a third to a tenth of reading it again.
 *
 * @throws ReplayedError, ResultUnavailableError as {@link decodeOutcome} does
 */
export function keptValue(
  kept: Kept,
  serializer: Serializer | undefined,
  key: string,
  mayKeep: boolean,
): unknown {
  const { outcome } = kept;
  if (typeof outcome === "object") return copyOf(outcome);
  const text = outcome as string;
  const value = decodeOutcome(text, serializer, key);
  if (!mayKeep || !isCopied(text)) return value;
  kept.outcome = value as object;
  return copyOf(value);
}

const BRACE = 123;
const BRACKET = 91;

/** Whether it is JSON of an object or an array that a plain copy says all of. */
function isCopied(text: string): boolean {
  const first = text.charCodeAt(0);
  return (first === BRACE || first === BRACKET) && text.length <= MAX_LENGTH && !text.includes("__proto__");
}

/** A copy of what JSON holds. */
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Record<string, unknown> = { ...value };
  for (const name in copy) {
    const child = copy[name];
    if (typeof child === "object" && child !== null && Object.hasOwn(copy, name)) copy[name] = copyOf(child);
  }
  return copy;
}
