import { digest } from "../../util/sha256.ts";
import { backgroundTimer } from "../../util/timers.ts";
import { Waiters } from "../shared/waiters.ts";
import type { PostgresListener } from "./client.ts";

// A waiter that asks the store again and then waits on finds the channel as it was.
const LINGER_MS = 500;

/** The channel of a table, and what it is told of a key: of a bounded size, and the same in every process. */
export const channelOf = (table: string) => `idempotency_${digest(table)}`;
export const hintOf = (key: string) => digest(key).slice(0, 22);

/**
 * Wakes those who wait for a key, by the one connection of `listener`, which listens only while somebody waits.
 * Whatever fails here costs the hint alone, for a waiter asks again anyway.
 */
class PostgresHints {
  readonly #listener: PostgresListener;
  readonly #channel: string;
  readonly #waiters = new Waiters();
  #isListening = false;
  // What it was told last: a client takes one statement at a time.
  #said: Promise<unknown> = Promise.resolve();

  constructor(listener: PostgresListener, channel: string) {
    this.#listener = listener;
    this.#channel = channel;
    listener.on("notification", ({ channel: told, payload }) => {
      if (told === channel) this.#waiters.wake(payload ?? "");
    });
    // Unheard, the loss of its connection would end the process.
    listener.on("error", () => {});
  }

  /** Resolves when the channel is told of the key, or when the signal aborts. */
  async told(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const word = this.#waiters.wait(hintOf(key), signal);
    this.#listen();
    await word;
    if (this.#waiters.isEmpty) backgroundTimer(() => this.#rest(), LINGER_MS);
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    // The next who waits tries again.
    this.#say("LISTEN").catch(() => {
      this.#isListening = false;
    });
  }

  #rest(): void {
    if (!this.#waiters.isEmpty || !this.#isListening) return;
    this.#isListening = false;
    this.#say("UNLISTEN").catch(() => {});
  }

  #say(command: string): Promise<unknown> {
    const say = async () => this.#listener.query(`${command} "${this.#channel}"`);
    this.#said = this.#said.then(say, say);
    return this.#said;
  }
}

const known = new WeakMap<PostgresListener, Map<string, PostgresHints>>();

/** The hints of a channel: the same for all stores that share it and the listener. */
export function hintsOf(listener: PostgresListener, channel: string): PostgresHints {
  const channels = known.get(listener) ?? new Map<string, PostgresHints>();
  known.set(listener, channels);
  const hints = channels.get(channel) ?? new PostgresHints(listener, channel);
  channels.set(channel, hints);
  return hints;
}
