import { backgroundTimer } from "../../util/timers.ts";
import type { RedisCommands, Subscriber } from "./client.ts";

/** A channel, and who waits for word on it. */
interface Topic {
  readonly waiters: Set<() => void>;
  /** Word came while nobody waited: who comes next has missed it. */
  missed: boolean;
}

// A waiter that asks the store again and then waits on finds its subscription as it was.
const LINGER_MS = 500;
// Where a server lets nobody subscribe, it is not asked at every turn of every waiter.
const REST_MS = 10_000;

/**
 * Wakes those who wait for a key, by one connection for all of them: made when the first one waits, closed soon after
 * the last one has gone. Whatever fails here costs the hint alone, for a waiter asks again anyway.
 */
export class RedisHints {
  readonly #open: NonNullable<RedisCommands["subscriber"]>;
  readonly #topics = new Map<string, Topic>();
  #connection: Subscriber | undefined;
  #restUntil = 0;

  constructor(open: NonNullable<RedisCommands["subscriber"]>) {
    this.#open = open;
  }

  /** Resolves when the channel is told something, or when the signal aborts. */
  told(channel: string, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve();
      const topic = this.#topics.get(channel) ?? this.#subscribe(channel);
      const wake = () => {
        signal.removeEventListener("abort", wake);
        topic.waiters.delete(wake);
        if (topic.waiters.size === 0) backgroundTimer(() => this.#leave(channel, topic), LINGER_MS);
        resolve();
      };
      signal.addEventListener("abort", wake);
      topic.waiters.add(wake);
      if (topic.missed) tell(topic);
    });
  }

  #subscribe(channel: string): Topic {
    const topic: Topic = { waiters: new Set(), missed: false };
    this.#topics.set(channel, topic);
    if (performance.now() < this.#restUntil) return topic;
    this.#connection ??= this.#open(told => {
      const known = this.#topics.get(told);
      if (known !== undefined) tell(known);
    });
    // What happened before the subscription stood was told to nobody.
    this.#connection.subscribe(channel).then(
      () => tell(topic),
      () => {
        this.#restUntil = performance.now() + REST_MS;
      },
    );
    return topic;
  }

  #leave(channel: string, topic: Topic): void {
    if (topic.waiters.size > 0 || this.#topics.get(channel) !== topic) return;
    this.#topics.delete(channel);
    if (this.#topics.size > 0) {
      this.#connection?.unsubscribe(channel).catch(() => {});
      return;
    }
    this.#connection?.close();
    this.#connection = undefined;
  }
}

function tell(topic: Topic): void {
  topic.missed = topic.waiters.size === 0;
  for (const wake of [...topic.waiters]) wake();
}
