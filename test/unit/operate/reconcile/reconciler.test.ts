import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type KeyEntry, memoryStore } from "../../../../src/index.ts";
import { startLoop } from "../../../../src/operate/reconcile/reconciler.ts";
import { type Finding, type ReconcilerOptions, startReconciler } from "../../../../src/reconcile.ts";
import { deferred } from "../../../support/calls.ts";
import { withList } from "./listing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const byFakeTimers = (ring: () => void, delayMs: number) => void setTimeout(ring, delayMs);
const loop = (run: (isStopped: () => boolean) => Promise<void>, signal?: AbortSignal) =>
  startLoop(run, 60_000, signal, byFakeTimers);

describe("the loop of a reconciler", () => {
  it.each([
    [0, 0, 45_000],
    [0.5, 30_000, 60_000],
    [1, 60_000, 75_000],
  ])("is spread at random: with %d", async (random, first, rest) => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const times: number[] = [];
    const begun = Date.now();
    const { stop } = loop(async () => void times.push(Date.now() - begun));
    await vi.advanceTimersByTimeAsync(first + 2 * rest);
    expect(times).toEqual([first, first + rest, first + 2 * rest]);
    await stop();
  });

  it("runs one pass at a time, and rests after it", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const gate = deferred<void>();
    const run = vi.fn(() => gate.promise);
    const { stop } = loop(run);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(run).toHaveBeenCalledTimes(1);
    gate.resolve();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run).toHaveBeenCalledTimes(2);
    await stop();
  });

  it("waits on stop for the pass under way, which is told, and begins no other", async () => {
    const gate = deferred<void>();
    let told = () => false;
    const run = vi.fn((isStopped: () => boolean) => {
      told = isStopped;
      return gate.promise;
    });
    const { stop } = loop(run);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told()).toBe(false);
    let isOver = false;
    const stopped = Promise.all([stop(), stop()]).then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(600_000);
    expect({ told: told(), isOver }).toEqual({ told: true, isOver: false });
    gate.resolve();
    await stopped;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("never begins once it is stopped, or its signal has aborted", async () => {
    const run = vi.fn(async () => {});
    await loop(run).stop();
    loop(run, AbortSignal.abort());
    const controller = new AbortController();
    loop(run, controller.signal);
    controller.abort();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(run).not.toHaveBeenCalled();
  });

  it("keeps nothing of a stopped reconciler alive by a timer that has yet to ring", async () => {
    let rings: () => void = () => {};
    const run = vi.fn(async () => {});
    const { stop } = startLoop(run, 60_000, undefined, ring => {
      rings = ring;
    });
    await stop();
    rings();
    expect(run).not.toHaveBeenCalled();
  });
});

const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));

/** Reconcilers whose passes begin at once, in real time; each test says how it ends. */
describe("startReconciler", () => {
  beforeEach(() => {
    vi.useRealTimers();
    vi.spyOn(Math, "random").mockReturnValue(0);
  });

  async function uncertain() {
    const emails = createIdempotency({ store: memoryStore() });
    await emails.withIdempotency("email", "1h", cut).catch(() => {});
    return emails;
  }

  it("settles the keys", async () => {
    const emails = await uncertain();
    const looked = deferred<KeyEntry>();
    const find = (entry: KeyEntry): Finding => {
      looked.resolve(entry);
      return { happened: true, value: "sent" };
    };
    const { stop } = startReconciler(emails, { every: "1h", ttl: "1h", olderThan: "0s", find });
    expect(await looked.promise).toMatchObject({ key: "email" });
    await stop();
    expect(await emails.withIdempotency("email", "1h", () => "again")).toBe("sent");
  });

  it("survives a listing that fails, and reports it without an entry", async () => {
    const store = withList(memoryStore(), async function* () {
      yield* [];
      throw new Error("connection lost");
    });
    const failed = deferred<unknown[]>();
    const onError = (...told: unknown[]) => {
      failed.resolve(told);
      throw new Error("a failing log");
    };
    const emails = createIdempotency({ store });
    const { stop } = startReconciler(emails, { every: "1h", ttl: "1h", find: () => undefined, onError });
    const [error, entry] = await failed.promise;
    expect(error).toMatchObject({ code: "STORE_ERROR" });
    expect(entry).toBeUndefined();
    await stop();
  });

  it("warns of whatever find throws, and of keys that cannot be listed", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const emails = await uncertain();
    const looked = deferred<void>();
    const find = () => {
      looked.resolve();
      throw proxy;
    };
    const first = startReconciler(emails, { every: "1h", ttl: "1h", olderThan: "0s", find });
    await looked.promise;
    await first.stop();
    const listed = deferred<void>();
    const fails = async function* () {
      listed.resolve();
      yield* [];
      throw new Error("the server is gone");
    };
    // Asked for once as the loop is made, when a store that cannot list says so.
    const list = vi.fn(emails.list).mockImplementationOnce(emails.list).mockImplementation(fails);
    const failing = { ...emails, list };
    const second = startReconciler(failing, { every: "1h", ttl: "1h", find: () => undefined });
    await listed.promise;
    await second.stop();
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      "A key could not be settled, and will be looked at again: an object that cannot be read",
      "The keys could not be listed, and will be looked at again: the server is gone",
    ]);
  });

  it("calls nothing of a listener's own", async () => {
    const onError = Object.assign(vi.fn(), { reset: vi.fn() });
    const emails = await uncertain();
    const listed = deferred<void>();
    const find = () => {
      listed.resolve();
      return undefined;
    };
    const { stop } = startReconciler(emails, { every: "1h", ttl: "1h", olderThan: "0s", find, onError });
    await listed.promise;
    await stop();
    expect(onError).not.toHaveBeenCalled();
    expect(onError.reset).not.toHaveBeenCalled();
  });

  it("warns the process once where nobody listens", async () => {
    const emails = await uncertain();
    await emails.withIdempotency("other", "1h", cut).catch(() => {});
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    let looks = 0;
    const both = deferred<void>();
    const find = () => {
      looks += 1;
      if (looks === 2) both.resolve();
      throw new Error("mailbox closed");
    };
    const { stop } = startReconciler(emails, { every: "1h", ttl: "1h", olderThan: "0s", find });
    await both.promise;
    await stop();
    expect(warned.mock.calls).toEqual([
      [
        "A key could not be settled, and will be looked at again: mailbox closed",
        { type: "IdempotencyWarning", code: "RECONCILE_FAILED" },
      ],
    ]);
  });

  it("begins no further look once it is stopped", async () => {
    const emails = await uncertain();
    for (const key of ["second", "third"]) await emails.withIdempotency(key, "1h", cut).catch(() => {});
    const begun = deferred<void>();
    const gate = deferred<void>();
    let looks = 0;
    const find = async (): Promise<Finding> => {
      looks += 1;
      begun.resolve();
      await gate.promise;
      return { happened: false };
    };
    const once = { every: "1h", ttl: "1h", olderThan: "0s", concurrency: 1, find } as const;
    const { stop } = startReconciler(emails, once);
    await begun.promise;
    const stopped = stop();
    gate.resolve();
    await stopped;
    expect(looks).toBe(1);
  });

  it("does not stand among a test's fake timers", async () => {
    const emails = await uncertain();
    vi.useFakeTimers();
    const { stop } = startReconciler(emails, { every: "1s", ttl: "1h", find: () => undefined });
    const now = Date.now();
    await vi.runAllTimersAsync();
    expect(vi.getTimerCount()).toBe(0);
    expect(Date.now()).toBe(now);
    await stop();
  });

  it.each<[string, object, string]>([
    ["no every", {}, "every, which has no default"],
    ["an every below a second", { every: { milliseconds: 10 } }, "every"],
    ["an every that is a number", { every: 60 }, "every"],
    ["a misspelt option", { every: "1m", limits: 1 }, 'got "limits"'],
  ])("refuses %s at once", (_, more, message) => {
    const options = { ttl: "1h", find: () => undefined, ...more } as unknown as ReconcilerOptions;
    expect(() => startReconciler(createIdempotency({ store: memoryStore() }), options)).toThrow(message);
  });

  it("refuses a store that cannot list at once", () => {
    const store = withList(memoryStore(), undefined);
    const options = { every: "1m", ttl: "1h", find: () => undefined } as const;
    expect(() => startReconciler(createIdempotency({ store }), options)).toThrow("can list its keys");
  });
});
