import { fromBase64, toBase64 } from "../util/bytes.ts";
import { describe, describeClass } from "../util/describe.ts";
import { toJson } from "../util/json.ts";
import { hasHole, kindOf, TYPED_ARRAYS } from "../util/plain-data.ts";

// The text of what JSON alone would not keep: an array of nodes, one for each object or bigint, and after a line
// feed the bytes of all of them in base64. A child within a node is its JSON, or `[index]` of the node that it is, so
// that cycles and repeated references come back as they were. A negative index stands for one of these.
const CONSTANTS: readonly unknown[] = [undefined, 0 / 0, 1 / 0, -1 / 0, -0];

/** What has been found of a graph. */
interface Found {
  values: unknown[];
  indices: Map<unknown, number>;
  /** The place at which each value was found first: in which other value, and with `steps` under which key. */
  parents: number[];
  steps: (string | number)[];
  bytes: string[];
}

type Refer = (child: unknown, step: string | number) => unknown;

/**
 * Writes a value as text that {@link parseGraph} reads back deep-equal, in time and memory in proportion to it.
 *
 * @param start what the text begins with, and `end` what it ends with
 * @throws TypeError for what cannot be written: names the path in the result and what stands there
 */
export function stringifyGraph(root: unknown, start = "", end = ""): string {
  const found: Found = { values: [], indices: new Map(), parents: [], steps: [], bytes: [] };
  if (isJson(root)) return start + toJson([root]) + end;
  const [index] = referTo(found, root, 0, "");
  if (index < 0) return start + index + end;
  const nodes: unknown[] = [];
  // `values` grows while its nodes are written: breadth first, without a stack that could overflow.
  for (let i = 0; i < found.values.length; i++) {
    nodes.push(toNode(found, i, (child, step) => (isJson(child) ? child : referTo(found, child, i, step))));
  }
  const joined = found.bytes.length > 1 ? found.bytes.join("") : (found.bytes[0] ?? "");
  // No line for no bytes, which could be cut off unnoticed.
  const bytes = joined === "" ? "" : `\n${joined}`;
  // Added and not joined: an engine puts off the copy until somebody reads the text.
  return start + toJson(nodes) + bytes + end;
}

/** Whether a value without children is the same after a trip through JSON. */
function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

function referTo(found: Found, value: unknown, parent: number, step: string | number): [number] {
  const { values, indices, parents, steps } = found;
  const constant = CONSTANTS.findIndex(known => Object.is(known, value));
  if (constant >= 0) return [-1 - constant];
  let index = indices.get(value);
  if (index === undefined) {
    index = values.push(value) - 1;
    indices.set(value, index);
    parents.push(parent);
    steps.push(step);
  }
  return [index];
}

function toNode(found: Found, index: number, refer: Refer): unknown {
  const value = found.values[index];
  let node: unknown;
  try {
    if (typeof value === "bigint") return ["BigInt", String(value)];
    if (typeof value === "object") node = objectNode(value as object, refer, found.bytes);
  } catch (cause) {
    throw new TypeError(`${pathTo(found, index)}: an object that cannot be read`, { cause });
  }
  if (node === undefined) throw new TypeError(`${pathTo(found, index)}: ${describeClass(value)}`);
  return node;
}

function objectNode(value: object, refer: Refer, bytes: string[]): unknown {
  const kind = kindOf(value);
  switch (kind) {
    case undefined:
      return undefined;
    case "Array":
      return arrayNode(value as unknown[], refer);
    case "Object":
    case "Null":
      return [kind.toLowerCase(), ...named(Object.entries(value), refer)];
    case "Date":
      return [kind, Date.prototype.getTime.call(value)];
    case "Map":
      return ["map", ...[...Map.prototype.entries.call(value)].flat().map(refer)];
    case "Set":
      return ["set", ...[...Set.prototype.values.call(value)].map(refer)];
    default:
      return [kind, bytes[bytes.push(toBase64(value)) - 1]!.length];
  }
}

const named = (entries: [string, unknown][], refer: Refer) =>
  entries.flatMap(([key, child]) => [key, refer(child, key)]);

function arrayNode(array: unknown[], refer: Refer): unknown {
  if (hasHole(array)) return ["sparse", array.length, ...named(Object.entries(array), refer)];
  return ["array", ...array.map(refer)];
}

const MAX_PATH = 200;

function pathTo({ values, parents, steps }: Found, index: number): string {
  let path = "";
  for (let i = index; i > 0 && path.length <= MAX_PATH; i = parents[i]!) {
    path = stepTo(values[parents[i]!], steps[i]!) + path;
  }
  return `result${path.length > MAX_PATH ? `…${path.slice(-MAX_PATH)}` : path}`;
}

function stepTo(parent: unknown, step: string | number): string {
  if (typeof step === "string" && !Array.isArray(parent)) {
    return /^[\w$]+$/.test(step) ? `.${step}` : `[${describe(step)}]`;
  }
  if (!(parent instanceof Map)) return `[${step}]`;
  const [key] = [...parent.entries()][(step as number) >> 1]!;
  return (step as number) % 2 === 1 ? `.get(${describe(key)})` : ` (a key: ${describe(key)})`;
}

function malformed(): never {
  throw new SyntaxError("The stored result is malformed");
}

/** Reads what {@link stringifyGraph} wrote. Throws for anything else; never runs code, never touches a prototype. */
export function parseGraph(text: string): unknown {
  const end = text.indexOf("\n");
  const nodes: unknown = JSON.parse(end < 0 ? text : text.slice(0, end));
  const values: unknown[] = [];
  const at = (index: unknown) => {
    const from = (index as number) < 0 ? CONSTANTS : values;
    const position = (index as number) < 0 ? -1 - (index as number) : (index as number);
    return Number.isInteger(index) && position < from.length ? from[position] : malformed();
  };
  if (!Array.isArray(nodes)) return at(nodes);
  let used = end + 1;
  const takeBytes = (length: unknown) => {
    const start = used;
    used += asNumber(length);
    return text.slice(start, used);
  };
  for (const node of nodes) values.push(Array.isArray(node) ? shell(node, takeBytes) : literal(node));
  if (end >= 0 && used !== text.length) malformed();
  // Every container exists by now, so children can be put in whatever refers to whom.
  for (const [i, node] of nodes.entries()) if (Array.isArray(node)) fill(values[i], node, at);
  return at(0);
}

function literal(node: unknown): unknown {
  return typeof node === "object" && node !== null ? malformed() : node;
}

/** The container that a node stands for, still without its children. */
function shell([kind, content]: unknown[], takeBytes: (length: unknown) => string): unknown {
  switch (asText(kind).toLowerCase()) {
    case "object":
      return {};
    case "null":
      return Object.create(null);
    case "array":
    case "sparse":
      return [];
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "date":
      // JSON has no `NaN`: the time of an invalid date is null.
      return new Date(content === null ? 0 / 0 : asNumber(content));
    case "bigint":
      return /^-?\d+$/.test(asText(content)) ? BigInt(asText(content)) : malformed();
    default:
      return withBytes(
        asText(kind),
        // 0.1.0 wrote the bytes into the node.
        fromBase64(typeof content === "string" ? content : takeBytes(content)) ?? malformed(),
      );
  }
}

function asNumber(value: unknown): number {
  return typeof value === "number" ? value : malformed();
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : malformed();
}

function withBytes(kind: string, { buffer }: Uint8Array<ArrayBuffer>): unknown {
  if (kind === "ArrayBuffer") return buffer;
  if (kind === "DataView") return new DataView(buffer);
  if (kind === "Buffer") return globalThis.Buffer?.from(buffer) ?? malformed();
  if (!TYPED_ARRAYS.test(kind)) return malformed();
  const TypedArray = (globalThis as unknown as Record<string, Uint8ArrayConstructor | undefined>)[kind];
  return TypedArray === undefined ? malformed() : new TypedArray(buffer);
}

/** Puts the children of a node into its value: those of lower-case kinds as JSON or `[index]`, 0.1.0's by index. */
function fill(value: unknown, node: unknown[], at: (index: unknown) => unknown): void {
  const kind = String(node[0]).toLowerCase();
  const isOld = kind !== node[0];
  const resolve = (child: unknown) => {
    if (isOld) return at(child);
    return Array.isArray(child) ? at(child[0]) : literal(child);
  };
  if (kind === "array") for (let i = 1; i < node.length; i++) (value as unknown[]).push(resolve(node[i]));
  if (kind === "set") for (let i = 1; i < node.length; i++) (value as Set<unknown>).add(resolve(node[i]));
  if (kind === "sparse") (value as unknown[]).length = asNumber(node[1]);
  for (let i = kind === "sparse" ? 2 : 1; i < node.length; i += 2) {
    if (kind === "map") (value as Map<unknown, unknown>).set(resolve(node[i]), resolve(node[i + 1]));
    if (kind === "object" || kind === "null" || kind === "sparse") {
      define(value as object, asText(node[i]), resolve(node[i + 1]));
    }
  }
}

/** Sets an own property, `__proto__` too, where an assignment would replace the prototype. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
