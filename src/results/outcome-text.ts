import {
  type IdempotencyErrorDetails,
  ReplayedError,
  ResultUnavailableError,
  type StoredError,
} from "../contract/errors.ts";
import type { Serializer } from "../contract/options.ts";
import { parseGraph, stringifyGraph } from "./graph.ts";
import { isFaithfulJson } from "./serializer.ts";

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

/** The text of `fn`'s result. Never throws: what cannot be kept becomes a text that says so. */
export function encodeResult(value: unknown, serializer: Serializer | undefined): Encoded {
  try {
    return { text: resultText(value, serializer) };
  } catch (error) {
    return { text: encodeNoResult("it could not be stored faithfully"), failure: { error } };
  }
}

function resultText(value: unknown, serializer: Serializer | undefined): string {
  if (serializer === undefined) {
    if (!isFaithfulJson(value)) return VERSION + GRAPH + stringifyGraph(value) + END;
    const json = JSON.stringify(value);
    return typeof value === "number" ? json + END : json;
  }
  const text: unknown = serializer.stringify(value);
  if (typeof text !== "string") throw new TypeError("serializer.stringify: expected a string");
  return VERSION + SERIALIZED + JSON.stringify(text) + END;
}

/** The text for a run that completed and whose result is not kept. */
export function encodeNoResult(reason: string): string {
  return VERSION + NO_RESULT + JSON.stringify(reason) + END;
}

/** The text that replays an error. Never throws. */
export function encodeError(error: unknown): string {
  return VERSION + ERROR + JSON.stringify(storedError(error)) + END;
}

function storedError(error: unknown): StoredError {
  try {
    const { name, message, code } = Object(error) as Record<string, unknown>;
    return {
      name: typeof name === "string" ? name : "Error",
      message: typeof message === "string" ? message : String(error),
      code:
        typeof code === "string" || (typeof code === "number" && Number.isFinite(code)) ? code : undefined,
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
