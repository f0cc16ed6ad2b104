/** A value, or a promise of it: a store that answers at once spares its callers the wait. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  const type = typeof value;
  if (type !== "object" && type !== "function") return false;
  try {
    return typeof (value as PromiseLike<T> | null)?.then === "function";
  } catch {
    // What cannot even be asked, such as a revoked proxy, is a value (P3).
    return false;
  }
}

/**
 * Leaves a value that is refused. If it is a promise, nobody handles what it rejects with. Never throws, and asks no other
 * thenable: a query builder sends its query only when it is asked.
 */
export function disown(value: unknown): void {
  try {
    Promise.prototype.then.call(value, undefined, () => {});
  } catch {
    // It is no promise.
  }
}
