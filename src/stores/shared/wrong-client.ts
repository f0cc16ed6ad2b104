import { expectMethods, invalidOption } from "../../contract/validate.ts";
import { isPromise } from "../../util/awaitable.ts";

/** A client that a store cannot work with, known by its members. */
export interface WrongClient {
  what: string;
  has: readonly string[];
  /** What to do about it, after `got …:`. */
  todo: string;
}

const hasAll = (value: unknown, names: readonly string[]) =>
  ["object", "function"].includes(typeof value) &&
  names.every(name => (value as Record<string, unknown> | null)?.[name] !== undefined);

// Of any store in a database: no client, but what stands before or above one.
const ANYWHERE: readonly WrongClient[] = [
  { what: "a Drizzle database", has: ["$client"], todo: "pass the client that Drizzle was created with" },
  { what: "Knex", has: ["raw", "schema"], todo: "pass a client of the database" },
  { what: "Kysely", has: ["selectFrom"], todo: "pass the client that its dialect was created with" },
  { what: "a Prisma client", has: ["$queryRaw"], todo: "pass a client of the database" },
];

/** Throws `INVALID_OPTION`, saying what came and what to do, where a value is not the client that a store needs. */
export function expectRightClient(
  name: string,
  expected: string,
  methods: readonly string[],
  value: unknown,
  wrong: readonly WrongClient[],
): void {
  const refuse = (what: string, todo: string) =>
    invalidOption(name, `${expected}, and ${what} is none: ${todo}`, value);
  const known = [...ANYWHERE, ...wrong].find(({ has }) => hasAll(value, has));
  if (known !== undefined) refuse(known.what, known.todo);
  if (isPromise(value)) refuse("a promise", "await it first");
  if (typeof value === "function" && hasAll(value.prototype, methods))
    refuse("a class", "pass an instance made with `new`");
  expectMethods(name, expected, methods, value);
}
