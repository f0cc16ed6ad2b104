import {
  type IdempotencyErrorDetails,
  ReplayedError,
  ResultUnavailableError,
  type StoredError,
} from "../contract/errors.ts";
import type { Serializer } from "../contract/options.ts";
import type { IdempotencyStore } from "../contract/store.ts";
import { utf8Length } from "../util/bytes.ts";
import { describeRefused } from "../util/describe.ts";
import { toJson } from "../util/json.ts";
import { parseGraph, stringifyGraph } from "./graph.ts";
import { faithfulJson } from "./serializer.ts";

// The text of an outcome, as a store keeps it. A plain JSON result is its JSON. Anything else begins with `~`, which
// no JSON does, the version of the form, and its kind. A text that could be cut short unnoticed, as a number can and
// most JSON cannot, ends in a line feed.
const VERSION = "~1";
const GRAPH = "g";
const SERIALIZED = "s";
const NO_RESULT = "n";
const ERROR = "e";
const END = "\n";

const TILDE = 126;

/** The text of a result, or, with a `failure`, the text that says that there was one which cannot be kept. */
export interface Encoded {
  text: string;
  /** Why the result cannot be kept. */
  failure?: { error: unknown };
}

/**
 * The text of `fn`'s result. Never throws: what cannot be kept becomes a text that says so, and why (section 9).
 *
 * @param maxBytes how many bytes the text may take in UTF-8
 * ```ts
 * encodeResult({ id: "m1" }, undefined).text; // '{"id":"m1"}'
 * encodeResult({ body: stream }, undefined).failure?.error; // TypeError: result.body: a ReadableStream
 * ```
 */
export function encodeResult(value: unknown, serializer: Serializer | undefined, maxBytes = 1 / 0): Encoded {
  try {
    return within(maxBytes, resultText(value, serializer), "result");
  } catch (error) {
    const why = `it could not be stored faithfully (${storedError(error).message})`;
    return { text: encodeNoResult(why), failure: { error } };
  }
}

function resultText(value: unknown, serializer: Serializer | undefined): string {
  if (serializer === undefined) {
    const json = faithfulJson(value);
    if (json === undefined) return stringifyGraph(value, VERSION + GRAPH, END);
    return typeof value === "number" ? json + END : json;
  }
  const text: unknown = serializer.stringify(value);
  if (typeof text !== "string")
    throw new TypeError(`serializer.stringify: expected a string; got ${describeRefused(text)}`);
  return VERSION + SERIALIZED + JSON.stringify(text) + END;
}

/** That text, or, where it takes more than so many bytes, one that says so. */
function within(maxBytes: number, text: string, what: string): Encoded {
  // A code unit takes three bytes at most.
  if (text.length * 3 <= maxBytes || utf8Length(text, maxBytes) <= maxBytes) return { text };
  const error = new RangeError(
    `it takes more than ${maxBytes} bytes (\`maxResultBytes\`, or the store's limit)`,
  );
  return { text: encodeNoResult(`its ${what} was not stored: ${error.message}`), failure: { error } };
}

/** S9: how many bytes an outcome may take: what the caller allows, or less where the store takes less. */
export function outcomeLimit(
  { maxResultBytes }: { readonly maxResultBytes: number },
  { maxOutcomeBytes = maxResultBytes }: Pick<IdempotencyStore, "maxOutcomeBytes">,
): number {
  return Math.min(maxResultBytes, maxOutcomeBytes);
}

// A serializer's error may be of any length.
const MAX_REASON = 500;

/** The text for a run that completed and whose result is not kept: less than 4 KiB, which every store takes (S9). */
export function encodeNoResult(reason: string): string {
  return VERSION + NO_RESULT + JSON.stringify(reason.slice(0, MAX_REASON)) + END;
}

/** The text that replays an error, or, of a larger one, the text that says that there was one. Never throws. */
export function encodeError(error: unknown, maxBytes = Number.POSITIVE_INFINITY): string {
  return within(maxBytes, VERSION + ERROR + toJson(storedError(error)) + END, "error").text;
}

function storedError(error: unknown): StoredError {
  try {
    const { name, message, code } = Object(error) as Record<string, unknown>;
    const isCode = typeof code === "string" || (typeof code === "number" && Number.isFinite(code));
    return {
      name: typeof name === "string" ? name : "Error",
      message: typeof message === "string" ? message : String(error),
      ...(isCode && { code }),
    };
  } catch {
    return { name: "Error", message: "an error that cannot be read" };
  }
}

/**
 * The value that an outcome's text stands for.
 *
 * @throws ReplayedError where it stands for an error
 * @throws ResultUnavailableError where there is no result, or none that can be read
 */
export function decodeOutcome(text: string, serializer: Serializer | undefined, key: string): unknown {
  try {
    const isMarked = text.charCodeAt(0) === TILDE;
    const value: unknown = isMarked ? undefined : JSON.parse(text);
    const mayBeCut = isMarked || typeof value === "number";
    if (mayBeCut && !text.endsWith(END)) throw new SyntaxError("The stored text is cut short");
    return isMarked ? decodeMarked(text, serializer, key) : value;
  } catch (cause) {
    if (cause instanceof ReplayedError || cause instanceof ResultUnavailableError) throw cause;
    throw unavailable("its stored result cannot be read back", { key, cause });
  }
}

function decodeMarked(text: string, serializer: Serializer | undefined, key: string): unknown {
  const body = text.slice(VERSION.length + 1, -END.length);
  switch (text.startsWith(VERSION) ? text[VERSION.length] : undefined) {
    case GRAPH:
      return parseGraph(body);
    case SERIALIZED:
      if (serializer === undefined)
        throw unavailable("its result was stored by a `serializer` that is not given", { key });
      return serializer.parse(JSON.parse(body));
    case NO_RESULT:
      throw unavailable(String(JSON.parse(body)), { key });
    case ERROR:
      throw new ReplayedError(readStoredError(JSON.parse(body)), { key });
    default:
      throw unavailable("its record is of a form that this version of the package does not know", { key });
  }
}

function readStoredError(stored: unknown): StoredError {
  const { name, message, code } = stored as StoredError;
  const isError = typeof name === "string" && typeof message === "string";
  if (!isError || !["string", "number", "undefined"].includes(typeof code)) {
    throw new SyntaxError("The stored error is malformed");
  }
  return { name, message, code };
}

function unavailable(why: string, details: IdempotencyErrorDetails): ResultUnavailableError {
  return new ResultUnavailableError(
    `The run with this key completed, but ${why}. It will not run again.`,
    details,
  );
}
