import type { Work } from "./plan.ts";

/** What no store can keep. */
class Receipt {
  readonly by: string;
  constructor(by: string) {
    this.by = by;
  }
}

/** What `fn` gives where it does not fail. */
export function resultOf(name: string, ends: Work["ends"]): object {
  if (ends === "unstorable") return new Receipt(name);
  const plain = { by: name, tags: [] as string[] };
  if (ends === "value") return plain;
  return {
    ...plain,
    nothing: undefined,
    zero: -0,
    when: new Date(0),
    seen: new Map([["n", 1n]]),
    self: [plain],
  };
}

export const isStorable = (value: unknown) => !(value instanceof Receipt);

/** The value as it is now, which no later change reaches. */
export const snapshot = (value: unknown): unknown =>
  value instanceof Receipt ? { unstorable: value.by } : structuredClone(value);

/** What a caller does to its result is its own affair. */
export function spoil(value: unknown): void {
  if (value instanceof Receipt) return;
  (value as { tags: string[] }).tags.push("spoilt");
}

/** What `fn` throws: an error of its own, or that of a connection that was cut. */
export const errorOf = (ends: string): Error =>
  Object.assign(new Error("oh"), ends === "cut" ? { code: "ECONNRESET" } : {});

export const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? error);

/** The names of what `fn` threw. */
const thrown = new WeakMap<object, string>();

/** Names what is thrown after the one that throws it. */
export function nameError(thing: unknown, by: string): string {
  if (typeof thing !== "object" || thing === null) return String(thing);
  const name = `the error of ${by}`;
  thrown.set(thing, name);
  return name;
}

/** What a history calls the failure of a `fn` that gave a wrong number of results: its error is the engine's own. */
export const MISMATCH = "a wrong number of results";

/** As it is thrown, not as it is replayed. */
export function mismatchOf(error: unknown): string | undefined {
  const { code, message = "" } = (error ?? {}) as { code?: string; message?: string };
  const isOwn = code !== "REPLAYED_ERROR" && message.includes("expected one result for each of");
  return isOwn ? MISMATCH : undefined;
}

/** How a call was refused, as a history tells it. */
export function refusal(error: unknown): { error?: string; code?: string; aborted: boolean } {
  const aborted = typeof error === "string" && error.endsWith("was aborted");
  const own = typeof error === "object" && error !== null ? thrown.get(error) : undefined;
  const name = own ?? mismatchOf(error);
  return name === undefined ? { code: codeOf(error), aborted } : { error: name, aborted };
}
