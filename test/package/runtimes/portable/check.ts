/** One promise of the package, put to the test. */
export interface Check {
  /** Unique among all. */
  name: string;
  /** Rejects where the promise is broken. */
  run(): unknown;
}

/** The checks of one subject, named after it. */
export function checks(subject: string, tests: Record<string, () => unknown>): Check[] {
  return Object.entries(tests).map(([says, run]) => ({ name: `${subject}: ${says}`, run }));
}

/** Throws unless two values are deep-equal, down to `-0`, types, own keys and cycles. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (!isSame(actual, expected, new Map()))
    throw new Error(`${what}: expected ${show(expected)}; got ${show(actual)}`);
}

function isSame(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (seen.has(a)) return seen.get(a) === b;
  seen.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  return isSameList(contents(a), contents(b), seen);
}

function isSameList(a: readonly unknown[], b: readonly unknown[], seen: Map<object, object>): boolean {
  return a.length === b.length && a.every((item, index) => isSame(item, b[index], seen));
}

/** What an object is made of, as a list of values. */
function contents(value: object): unknown[] {
  if (value instanceof Date) return [value.getTime()];
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  return [Array.isArray(value) ? value.length : 0, ...Object.entries(value).flat()];
}

function show(value: unknown): string {
  try {
    return typeof value === "string" ? JSON.stringify(value) : `${String(value)} ${JSON.stringify(value)}`;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Throws unless the value has those properties. */
export function has(what: string, actual: unknown, expected: Record<string, unknown>): void {
  const given = Object(actual) as Record<string, unknown>;
  for (const [name, value] of Object.entries(expected)) same(`${what}, its ${name}`, given[name], value);
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    value => {
      throw new Error(`expected a rejection; got ${show(value)}`);
    },
    error => error,
  );
}

/** What a function throws. */
export function thrown(call: () => unknown): unknown {
  let value: unknown;
  try {
    value = call();
  } catch (error) {
    return error;
  }
  throw new Error(`expected it to throw; got ${show(value)}`);
}

export const sleep = (ms: number) => new Promise<void>(done => setTimeout(done, ms));

/** Waits until something holds, by looking again and again. */
export async function until(what: string, holds: () => unknown, withinMs = 10_000): Promise<void> {
  for (let waited = 0; !(await holds()); waited += 20) {
    if (waited > withinMs) throw new Error(`expected within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A promise that the check settles. */
export function deferred<T = string>(): Deferred<T> {
  const parts: Partial<Deferred<T>> = {};
  parts.promise = new Promise<T>((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts as Deferred<T>;
}
