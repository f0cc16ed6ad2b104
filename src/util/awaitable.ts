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
 * Marks the rejection of a promise that is refused as handled, and does nothing with any other value. Never throws. It calls
 * no `then` of another thenable, since a query builder sends its query when that is called.
 */
export function disown(value: unknown): void {
  try {
    Promise.prototype.then.call(value, undefined, () => {});
  } catch {
    // It is no promise.
  }
}
