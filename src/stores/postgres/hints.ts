import { detached } from "../../util/detached.ts";
import { digest } from "../../util/sha256.ts";
import { backgroundTimer } from "../../util/timers.ts";
import { Waiters } from "../shared/waiters.ts";
import type { PostgresListener } from "./client.ts";

// A waiter that asks the store again and then waits on finds the channel as it was.
const LINGER_MS = 500;

/** The channel of a table, and the payload that stands for a key: of bounded size, the same in every process. */
export const channelOf = (table: string) => `idempotency_${digest(table)}`;
export const hintOf = (key: string) => digest(key).slice(0, 22);

/** What a listener does for all channels: one pair of handlers serves them all. */
class Hub {
  readonly #listener: PostgresListener;
  readonly #channels = new Map<string, PostgresHints>();
  // What was asked last: a client takes one statement at a time.
  #asked: Promise<unknown> = Promise.resolve();

  constructor(listener: PostgresListener) {
    this.#listener = listener;
    listener.on("notification", ({ channel, payload }) => this.#channels.get(channel)?.wake(payload ?? ""));
    // Unheard, the loss of its connection would end the process.
    listener.on("error", () => {});
  }

  /** The hints of a channel: the same for all stores that share it. */
  of(channel: string): PostgresHints {
    const hints = this.#channels.get(channel) ?? new PostgresHints(command => this.#ask(command, channel));
    this.#channels.set(channel, hints);
    return hints;
  }

  #ask(command: string, channel: string): Promise<unknown> {
    const ask = async () => this.#listener.query(`${command} "${channel}"`);
    this.#asked = this.#asked.then(ask, ask);
    return this.#asked;
  }
}

/**
 * Wakes those who wait for a key, by a channel on which the listener listens only while somebody waits. A failure here
 * costs only the hint, because a waiter asks again anyway.
 */
class PostgresHints {
  readonly #ask: (command: "LISTEN" | "UNLISTEN") => Promise<unknown>;
  readonly #waiters = new Waiters();
  #isListening = false;

  constructor(ask: (command: "LISTEN" | "UNLISTEN") => Promise<unknown>) {
    this.#ask = ask;
  }

  wake(hint: string): void {
    this.#waiters.wake(hint);
  }

  /** Resolves when there is word of the key on the channel, or when the signal aborts. */
  async settled(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const word = this.#waiters.wait(hintOf(key), signal);
    detached(() => this.#listen());
    await word;
    if (this.#waiters.isEmpty) detached(() => backgroundTimer(() => this.#rest(), LINGER_MS));
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    // The next who waits tries again.
    this.#ask("LISTEN").catch(() => {
      this.#isListening = false;
    });
  }

  #rest(): void {
    if (!this.#waiters.isEmpty || !this.#isListening) return;
    this.#isListening = false;
    this.#ask("UNLISTEN").catch(() => {});
  }
}

const hubs = new WeakMap<PostgresListener, Hub>();

/** The hints of a channel: the same for all stores that share it and the listener. */
export function hintsOf(listener: PostgresListener, channel: string): PostgresHints {
  const hub = hubs.get(listener) ?? new Hub(listener);
  hubs.set(listener, hub);
  return hub.of(channel);
}
