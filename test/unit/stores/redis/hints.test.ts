import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RedisHints } from "../../../../src/stores/redis/hints.ts";
import { type Deferred, deferred } from "../../../support/calls.ts";

const soon = () => new Promise(setImmediate);
const CLOSED = new Error("the connection is closed");
const REFUSED = new Error("NOPERM");
const REST_MS = 10_000;

/** Hints whose timers are rung by hand, and what they asked of their connections. */
async function openHints() {
  const timers: (() => void)[] = [];
  vi.stubGlobal("setTimeout", (ring: () => void) => timers.push(ring));
  vi.resetModules();
  const { RedisHints } = await import("../../../../src/stores/redis/hints.ts");
  vi.unstubAllGlobals();
  const asked: (Deferred<string> & { channel: string; connection: number })[] = [];
  let connections = 0;
  const hints = new RedisHints(() => {
    const connection = ++connections;
    const own = () => asked.filter(each => each.connection === connection);
    return {
      subscribe(channel) {
        const subscription = { channel, connection, ...deferred() };
        asked.push(subscription);
        return subscription.promise;
      },
      unsubscribe: async () => {},
      close: () => {
        for (const { reject } of own()) reject(CLOSED);
      },
    };
  });
  const channels = () => asked.map(({ channel }) => channel);
  return { hints, asked, channels, timers };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("a connection that is closed while it subscribes", () => {
  it("has not failed: the next waiter subscribes at once", async () => {
    const { hints, asked, timers } = await openHints();
    const abort = new AbortController();
    const waiting = hints.wait("k", abort.signal);
    await soon();
    abort.abort();
    await waiting;
    await soon();
    for (const ring of timers) ring();
    await soon();
    void hints.wait("k", new AbortController().signal);
    await soon();
    expect(asked.map(({ connection }) => connection)).toEqual([1, 2]);
  });
});

describe("a server that refuses a subscription", () => {
  const { signal } = new AbortController();

  it("is asked again by the next waiter after a rest, whoever waits meanwhile", async () => {
    const { hints, asked, channels } = await openHints();
    const first = hints.wait("k", signal);
    await soon();
    asked[0]!.reject(REFUSED);
    await soon();
    const second = hints.wait("k", signal);
    vi.advanceTimersByTime(REST_MS - 1);
    void hints.wait("k", signal);
    await soon();
    expect(channels()).toEqual(["k"]);
    vi.advanceTimersByTime(1);
    const third = hints.wait("k", signal);
    const fourth = hints.wait("k", signal);
    await soon();
    expect(channels()).toEqual(["k", "k"]);
    asked[1]!.resolve("");
    await Promise.all([first, second, third, fourth]);
  });

  it("is asked after the rest about what nobody waited for before it", async () => {
    const { hints, asked, channels } = await openHints();
    void hints.wait("refused", signal);
    await soon();
    asked[0]!.reject(REFUSED);
    await soon();
    void hints.wait("k", signal);
    await soon();
    expect(channels()).toEqual(["refused"]);
    vi.advanceTimersByTime(REST_MS);
    void hints.wait("k", signal);
    await soon();
    expect(channels()).toEqual(["refused", "k"]);
  });
});

it("a test's fake timers have none of a waiter's among them when it has gone", async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const nothing = async () => {};
  const hints = new RedisHints(() => ({ subscribe: nothing, unsubscribe: nothing, close: nothing }));
  await hints.wait("k", new AbortController().signal);
  await soon();
  expect(vi.getTimerCount()).toBe(0);
});
