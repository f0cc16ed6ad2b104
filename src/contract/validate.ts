import { describe, describeRefused } from "../util/describe.ts";
import { InvalidOptionError } from "./errors.ts";

/** Throws `INVALID_OPTION`, saying which option, what was expected and what came. */
export function invalidOption(name: string, expected: string, got: unknown): never {
  throw new InvalidOptionError(`${name}: expected ${expected}; got ${describeRefused(got)}`);
}

/** Puts each option that is given through its rule, gathers what the rules make of them, and refuses other names. */
export function readByRules<T extends object>(
  owner: string,
  options: unknown,
  rules: Readonly<Record<string, (value: unknown) => T>>,
): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    invalidOption(owner, "an object", options);
  }
  const read = {} as T;
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(rules, name)) invalidOption(owner, `one of ${Object.keys(rules).join(", ")}`, name);
    if (value !== undefined) Object.assign(read, rules[name]!(value));
  }
  return read;
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
      `${name}: expected ${expected}; got ${describe(value)} without ${missing.join(", ")}`,
    );
  }
}
