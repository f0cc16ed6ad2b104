// Turns what stands in the editor into what can be run: an asynchronous function with the library in reach.

const IMPORT = /^[ \t]*import\s+(?:\{([^}]*)\}|\*\s+as\s+([\w$]+))\s+from\s+["']([^"']*)["'];?/gm;
const OTHER_IMPORT = /^[ \t]*import\b(?!\s*[.(])/m;

/** The entries whose exports the editor's code may import. */
const MODULES = ["with-idempotency", "with-idempotency/settings", "with-idempotency/testing"] as const;

/** Code that cannot be run, and where. */
export class CodeError extends Error {
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** The line that an index is in, from 1. */
const lineAt = (text: string, index: number) => text.slice(0, index).split("\n").length;

/**
 * The body of a function that does what the module would: its imports become lookups in `library`, of as many lines.
 * Throws a {@link CodeError} at an import that it does not know.
 */
export function bodyOf(code: string): string {
  const body = code.replace(IMPORT, (all, names?: string, whole?: string, from = "", index = 0) => {
    if (!(MODULES as readonly string[]).includes(from)) {
      throw new CodeError(
        `There is no module "${from}" here: expected ${MODULES.join(" or ")}.`,
        lineAt(code, index),
      );
    }
    const target = whole ?? `{${names?.replace(/([\w$]+)\s+as\s+/g, "$1: ").replace(/\s*\n\s*/g, " ")}}`;
    return `const ${target} = library;${"\n".repeat(all.split("\n").length - 1)}`;
  });
  const other = OTHER_IMPORT.exec(body);
  if (other) {
    throw new CodeError('Write imports as import { … } from "with-idempotency".', lineAt(body, other.index));
  }
  return body;
}

/** The line of the code in which an error arose, by its stack; undefined where that does not say. */
export function lineOf(stack: string | undefined, linesBefore: number): number | undefined {
  const found = /(?:<anonymous>|AsyncFunction|Function|eval)[^\n]*?:(\d+):\d+\)?$/m.exec(stack ?? "");
  const line = Number(found?.[1]) - linesBefore;
  return line >= 1 ? line : undefined;
}

/** A value as the output shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return value;
  return inspect(value, new Set());
}

const PLAIN = new Set([Object.prototype, null]);

function inspect(value: unknown, within: Set<unknown>): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "anonymous"}]`;
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (within.has(value)) return "[circular]";
  if (value instanceof Error) return errorText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  const inner = new Set(within).add(value);
  const each = (item: unknown) => inspect(item, inner);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[ ${value.map(each).join(", ")} ]`;
  if (value instanceof Map) {
    return `Map(${value.size}) { ${[...value].map(([key, item]) => `${each(key)} => ${each(item)}`).join(", ")} }`;
  }
  if (value instanceof Set) return `Set(${value.size}) { ${[...value].map(each).join(", ")} }`;
  const entries = Object.entries(value).map(([name, item]) => `${name}: ${each(item)}`);
  const prototype = Object.getPrototypeOf(value);
  const name = PLAIN.has(prototype) ? "" : `${prototype.constructor?.name ?? "Object"} `;
  return entries.length === 0 ? `${name}{}` : `${name}{ ${entries.join(", ")} }`;
}

/** An error in one line, with its code. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return show(error);
  const { code } = error as { code?: unknown };
  return `${error.name}: ${error.message}${typeof code === "string" ? ` [${code}]` : ""}`;
}
