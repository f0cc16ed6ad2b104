import { describeRefused } from "../util/describe.ts";
import { InvalidOptionError } from "./errors.ts";

/** Throws `INVALID_OPTION`, saying which option, what was expected and what came. */
export function invalidOption(name: string, expected: string, got: unknown): never {
  throw new InvalidOptionError(`${name}: expected ${expected}; got ${describeRefused(got)}`);
}

/** Refuses all but a plain object, of any realm: what a promise, a `Map` or a class holds would be ignored. */
export function expectPlain(name: string, value: unknown, expected = "a plain object"): void {
  const prototype = Object.getPrototypeOf(value ?? 0);
  if (prototype && Object.getPrototypeOf(prototype)) invalidOption(name, expected, value);
}

/** Puts each option that is given through its rule, gathers what the rules make of them, and refuses other names. */
export function readByRules<T extends object>(
  owner: string,
  options: unknown,
  rules: Readonly<Record<string, (value: unknown) => T>>,
): T {
  expectPlain(owner, options);
  const read = {} as T;
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(rules, name)) invalidOption(owner, `one of ${Object.keys(rules).join(", ")}`, name);
    if (value !== undefined) Object.assign(read, rules[name]!(value));
  }
  return read;
}

export function expectNamespace(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value === "string" && value.trim() !== "" && value.isWellFormed()) return;
  invalidOption(name, "a non-empty string of well-formed Unicode", value);
}

export function expectFunction(name: string, value: unknown): void {
  if (typeof value !== "function") invalidOption(name, "a function", value);
}

export function expectOneOf(name: string, allowed: readonly string[], value: unknown): void {
  if (!allowed.includes(value as string)) {
    invalidOption(name, allowed.map(choice => JSON.stringify(choice)).join(" or "), value);
  }
}

/** Checks that an object has those methods. */
export function expectMethods(
  name: string,
  expected: string,
  methods: readonly string[],
  value: unknown,
): void {
  const missing = methods.filter(
    method => typeof (value as Record<string, unknown> | null)?.[method] !== "function",
  );
  if (missing.length > 0) {
    throw new InvalidOptionError(
      `${name}: expected ${expected}; got ${describeRefused(value)} without ${missing.join(", ")}`,
    );
  }
}
