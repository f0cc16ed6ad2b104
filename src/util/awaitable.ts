/** A value, or a promise of it: a store that answers at once spares its callers the wait. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  const type = typeof value;
  return (
    (type === "object" || type === "function") && typeof (value as PromiseLike<T> | null)?.then === "function"
  );
}
