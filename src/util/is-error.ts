/** Whether it is an error, of this realm or another (Jest's tests have their own). Never throws. */
export function isError(value: unknown): value is Error {
  if (typeof value !== "object" || value === null) return false;
  try {
    return (
      value instanceof Error ||
      /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value))
    );
  } catch {
    // A revoked proxy.
    return false;
  }
}
