import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";

const KINDS = {
  withBigInt: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withObjectString: true,
} as const;

const leaves = [
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(null, undefined, -0, "__proto__", "constructor"),
  // `isDeepStrictEqual` takes no invalid date for another.
  fc.date({ noInvalidDate: true }),
];

const keys = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "0", "length"));

/** Data of every kind that JSON does not know, objects without a prototype too unless told. */
export const plainData = ({ nullPrototype = true } = {}): fc.Arbitrary<unknown> =>
  fc.anything({ ...KINDS, withNullPrototype: nullPrototype, values: leaves, key: keys, maxDepth: 4 });

/** What a container of {@link cyclicData} is made of: its kind and the containers within it. */
interface Plan {
  kind: "object" | "null" | "array" | "map";
  links: number[];
}

const SIZE = 5;
const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom("object" as const, "null" as const, "array" as const, "map" as const),
  links: fc.array(fc.nat(SIZE - 1), { maxLength: 3 }),
});

const EMPTY = { object: () => ({}), null: () => Object.create(null), array: () => [], map: () => new Map() };

function put(into: object, name: string, value: unknown): void {
  if (into instanceof Map) into.set(name, value);
  else if (Array.isArray(into)) into.push(value);
  else Object.assign(into, { [name]: value });
}

/** Containers that hold one another and themselves. */
export const cyclicData: fc.Arbitrary<object> = fc
  .array(plan, { minLength: SIZE, maxLength: SIZE })
  .map(plans => {
    const made = plans.map(({ kind }): object => EMPTY[kind]());
    for (const [i, { links }] of plans.entries()) {
      put(made[i]!, "number", i);
      for (const [at, link] of links.entries()) put(made[i]!, `link${at}`, made[link]);
    }
    return made[0]!;
  });

/** Fails with both values in sight. */
export function expectDeepEqual(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const [got, wanted] = [fc.stringify(actual), fc.stringify(expected)];
  // It takes no invalid date for another; as texts they are the same.
  if (got === wanted && wanted.includes("new Date(NaN)")) return;
  throw new Error(`expected ${wanted}, got ${got}`);
}
