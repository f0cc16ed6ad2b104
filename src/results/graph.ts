import { describe } from "../util/describe.ts";
import { builtinName, bytesOf, isPlainArray, isPlainObject, TYPED_ARRAYS } from "../util/plain-data.ts";

// The text of what JSON alone would not give back: an array of nodes in which a container names its children by their
// index, so that cycles and repeated references come back as they were. A negative index stands for one of these.
const CONSTANTS: readonly unknown[] = [
  undefined,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
];

type Refer = (value: unknown) => number;
type Resolve = (index: unknown) => unknown;

/** Writes a value as text that {@link parseGraph} gives back deep-equal. Throws where that cannot be. */
export function stringifyGraph(root: unknown): string {
  const values: unknown[] = [];
  const indices = new Map<unknown, number>();
  const refer: Refer = value => {
    const constant = CONSTANTS.findIndex(known => Object.is(known, value));
    if (constant >= 0) return -1 - constant;
    if (!indices.has(value)) indices.set(value, values.push(value) - 1);
    return indices.get(value)!;
  };
  const index = refer(root);
  if (index < 0) return String(index);
  const nodes: unknown[] = [];
  // `values` grows while its nodes are written: breadth first, without a stack that could overflow.
  for (let i = 0; i < values.length; i++) nodes.push(toNode(values[i], refer));
  return JSON.stringify(nodes);
}

function unstorable(value: unknown): never {
  throw new TypeError(`The result cannot be stored faithfully: it holds ${describe(value)}`);
}

function toNode(value: unknown, refer: Refer): unknown {
  if (typeof value === "bigint") return ["BigInt", String(value)];
  if (typeof value === "function" || typeof value === "symbol") return unstorable(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return arrayNode(value, refer);
  if (isPlainObject(value)) return [objectKind(value), ...named(Object.entries(value), refer)];
  const name = builtinName(value);
  switch (name) {
    case undefined:
      return unstorable(value);
    case "Date":
      return [name, Date.prototype.getTime.call(value)];
    case "Map":
      return [name, ...[...Map.prototype.entries.call(value)].flat().map(refer)];
    case "Set":
      return [name, ...[...Set.prototype.values.call(value)].map(refer)];
    default:
      return [name, btoa(Array.from(bytesOf(value), byte => String.fromCharCode(byte)).join(""))];
  }
}

const objectKind = (value: object) => (Object.getPrototypeOf(value) === null ? "Null" : "Object");
const named = (entries: [unknown, unknown][], refer: Refer) =>
  entries.flatMap(([key, child]) => [key, refer(child)]);

function arrayNode(array: unknown[], refer: Refer): unknown {
  const keys = Object.keys(array);
  if (!isPlainArray(array, keys)) return unstorable(array);
  if (keys.length === array.length) return ["Array", ...array.map(refer)];
  return [
    "Sparse",
    array.length,
    ...named(
      keys.map(key => [key, array[Number(key)]]),
      refer,
    ),
  ];
}

function malformed(): never {
  throw new SyntaxError("The stored result is malformed");
}

/** Reads what {@link stringifyGraph} wrote. Throws for anything else; never runs code, never touches a prototype. */
export function parseGraph(text: string): unknown {
  const nodes: unknown = JSON.parse(text);
  const values: unknown[] = [];
  const resolve: Resolve = index => {
    const from = (index as number) < 0 ? CONSTANTS : values;
    const position = (index as number) < 0 ? -1 - (index as number) : (index as number);
    return Number.isInteger(index) && position < from.length ? from[position] : malformed();
  };
  if (!Array.isArray(nodes)) return resolve(nodes);
  for (const node of nodes) values.push(Array.isArray(node) ? shell(node) : literal(node));
  // Every container exists by now, so children can be put in whatever refers to whom.
  for (const [i, node] of nodes.entries()) {
    if (Array.isArray(node)) fill(values[i], node[0], node.slice(1), resolve);
  }
  return resolve(0);
}

function literal(node: unknown): unknown {
  return typeof node === "object" && node !== null ? malformed() : node;
}

/** The container that a node stands for, still without its children. */
function shell([kind, content]: unknown[]): unknown {
  switch (kind) {
    case "Object":
      return {};
    case "Null":
      return Object.create(null);
    case "Array":
    case "Sparse":
      return [];
    case "Map":
      return new Map();
    case "Set":
      return new Set();
    case "Date":
      // JSON has no `NaN`: the time of an invalid date is null.
      return new Date(content === null ? Number.NaN : asNumber(content));
    case "BigInt":
      return /^-?\d+$/.test(asText(content)) ? BigInt(asText(content)) : malformed();
    default:
      return fromBytes(
        asText(kind),
        Uint8Array.from(atob(asText(content)), byte => byte.charCodeAt(0)),
      );
  }
}

function asNumber(value: unknown): number {
  return typeof value === "number" ? value : malformed();
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : malformed();
}

function fromBytes(kind: string, bytes: Uint8Array<ArrayBuffer>): unknown {
  if (kind === "ArrayBuffer") return bytes.buffer;
  if (kind === "DataView") return new DataView(bytes.buffer);
  if (kind === "Buffer" && globalThis.Buffer !== undefined) return globalThis.Buffer.from(bytes.buffer);
  if (!TYPED_ARRAYS.test(kind)) return malformed();
  const TypedArray = (globalThis as unknown as Record<string, Uint8ArrayConstructor | undefined>)[kind];
  return TypedArray === undefined ? malformed() : new TypedArray(bytes.buffer);
}

function fill(value: unknown, kind: unknown, content: unknown[], resolve: Resolve): void {
  if (kind === "Array") for (const index of content) (value as unknown[]).push(resolve(index));
  if (kind === "Set") for (const index of content) (value as Set<unknown>).add(resolve(index));
  if (kind === "Sparse") (value as unknown[]).length = asNumber(content.shift());
  for (let i = 0; i < content.length; i += 2) {
    if (kind === "Map") (value as Map<unknown, unknown>).set(resolve(content[i]), resolve(content[i + 1]));
    if (kind === "Object" || kind === "Null" || kind === "Sparse") {
      define(value as object, asText(content[i]), resolve(content[i + 1]));
    }
  }
}

/** Sets an own property, `__proto__` too, where an assignment would replace the prototype. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
