/** Calls a listener, whose failure is its own: what it throws or rejects with goes nowhere. */
export function notify<T>(listener: (value: T) => unknown, value: T): void {
  try {
    Promise.resolve(listener(value)).catch(() => {});
  } catch {
    // Ignored on purpose: a side effect that happened is not undone by a failing log.
  }
}
