/** Those who wait for word of a key. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** Resolves when there is word of the key, or when the signal aborts, and leaves nothing behind after either. */
  wait(key: string, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const waiting = this.#waiting.get(key) ?? new Set();
      const wake = () => {
        signal.removeEventListener("abort", wake);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      this.#waiting.set(key, waiting.add(wake));
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
    });
  }

  wake(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }
}
