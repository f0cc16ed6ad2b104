import { detached } from "../../util/detached.ts";
import { backgroundTimer, realTimer } from "../../util/timers.ts";
import type { RedisCommands, Subscriber } from "./client.ts";

/** A channel, and those who wait for a message on it. */
interface Topic {
  readonly waiters: Set<() => void>;
  /** Something was published while nobody waited: the next waiter has missed it. */
  missed: boolean;
  /** Whether the server was asked for its messages, and has not refused. */
  isAsked: boolean;
}

// A waiter that asks the store again and then goes on waiting finds its subscription as it was.
const LINGER_MS = 500;
// A server that lets nobody subscribe is not asked at every turn of every waiter.
const REST_MS = 10_000;

/**
 * Wakes those who wait for a key, by one connection for all of them: made when the first one waits, closed soon after
 * the last one has gone. A failure here costs only the hint, because a waiter asks again anyway.
 */
export class RedisHints {
  readonly #open: NonNullable<RedisCommands["subscriber"]>;
  readonly #topics = new Map<string, Topic>();
  #connection: Subscriber | undefined;
  #restUntil = 0;

  constructor(open: NonNullable<RedisCommands["subscriber"]>) {
    this.#open = open;
  }

  /** Resolves when something is published on the channel, or when the signal aborts. */
  wait(channel: string, signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal.aborted) return resolve();
      const topic = this.#topicOf(channel);
      // The connection outlives the call that needs it first.
      if (!topic.isAsked) detached(() => this.#listen(channel, topic));
      const wake = () => {
        signal.removeEventListener("abort", wake);
        topic.waiters.delete(wake);
        if (topic.waiters.size === 0) this.#leaveLater(channel, topic);
        resolve();
      };
      signal.addEventListener("abort", wake);
      topic.waiters.add(wake);
      if (topic.missed) wakeAll(topic);
    });
  }

  #topicOf(channel: string): Topic {
    const topic = this.#topics.get(channel) ?? { waiters: new Set(), missed: false, isAsked: false };
    this.#topics.set(channel, topic);
    return topic;
  }

  #listen(channel: string, topic: Topic): void {
    if (topic.isAsked || performance.now() < this.#restUntil) return;
    const rest = () => {
      topic.isAsked = false;
      this.#restUntil = performance.now() + REST_MS;
    };
    try {
      this.#connection ??= this.#open(published => {
        const known = this.#topics.get(published);
        if (known !== undefined) wakeAll(known);
      });
      const asked = this.#connection;
      topic.isAsked = true;
      asked.subscribe(channel).then(
        // What happened before the subscription stood was published to nobody.
        () => wakeAll(topic),
        // A connection that was closed here meanwhile has not failed.
        () => asked === this.#connection && rest(),
      );
    } catch {
      rest();
    }
  }

  #leaveLater(channel: string, topic: Topic): void {
    const leave = () => this.#leave(channel, topic);
    if (!realTimer(leave, LINGER_MS)) detached(() => backgroundTimer(leave, LINGER_MS));
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

function wakeAll(topic: Topic): void {
  topic.missed = topic.waiters.size === 0;
  for (const wake of [...topic.waiters]) wake();
}
