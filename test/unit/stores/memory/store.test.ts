import { describe, expect, it, vi } from "vitest";
import { StoreError } from "../../../../src/contract/errors.ts";
import { fingerprint } from "../../../../src/contract/fingerprint.ts";
import { createIdempotency } from "../../../../src/index.ts";
import { type MemoryStoreOptions, readMemoryOptions } from "../../../../src/stores/memory/options.ts";
import { memoryStore } from "../../../../src/stores/memory/store.ts";
import { type ManualClock, manualClock } from "../../../../src/testing.ts";
import { caught } from "../../../support/caught.ts";

const LEASE = 1_000;
const TTL = 60_000;
const request = (token: string) => ({ token, ttlMs: TTL, leaseMs: LEASE });

/** A store with a clock of its own, and what it announced. */
function setUp(options: MemoryStoreOptions = {}, clock: ManualClock = manualClock()) {
  const evicted: string[] = [];
  const store = memoryStore({ clock: clock.now, onEvict: key => evicted.push(key), ...options });
  const claim = (key: string) => store.claim(key, request(key));
  const complete = (key: string) => {
    claim(key);
    return store.complete(key, key, `outcome of ${key}`, TTL);
  };
  const status = (key: string) => (store.read(key) as { status: string } | undefined)?.status;
  return { store, clock, evicted, claim, complete, status };
}

describe("a full store that evicts", () => {
  it("drops the completed key that was used least recently, and says so", () => {
    const { store, evicted, claim, complete, status } = setUp({ maxEntries: 3 });
    for (const key of ["a", "b", "c"]) complete(key);
    expect(evicted).toEqual([]);
    expect(claim("a")).toMatchObject({ status: "completed", outcome: "outcome of a" });
    complete("d");
    expect(evicted).toEqual(["b"]);
    complete("e");
    expect(evicted).toEqual(["b", "c"]);
    expect(["a", "b", "c", "d", "e"].map(status)).toEqual([
      "completed",
      undefined,
      undefined,
      "completed",
      "completed",
    ]);
    store.forget("a");
    complete("f");
    expect(evicted).toEqual(["b", "c"]);
  });

  it("counts a look by read for no use", () => {
    const { store, evicted, complete } = setUp({ maxEntries: 2 });
    complete("a");
    complete("b");
    store.read("a");
    complete("c");
    expect(evicted).toEqual(["a"]);
  });

  it("drops a released key like a completed one, and by a release like by a completion", () => {
    const { store, evicted, claim, status } = setUp({ maxEntries: 1 });
    claim("a");
    store.release("a", "a");
    claim("b");
    expect([evicted, status("a"), status("b")]).toEqual([[], "released", "in-progress"]);
    store.release("b", "b");
    expect([evicted, status("a"), status("b")]).toEqual([["a"], undefined, "released"]);
    claim("c");
    store.renew("c", "c", 0);
    expect(store.settle("c", "found", TTL)).toBe(true);
    expect([evicted, status("b"), status("c")]).toEqual([["a", "b"], undefined, "completed"]);
  });

  it("neither drops nor refuses a claim in progress or an uncertain key, however many there are", () => {
    const { store, evicted, claim, complete, status } = setUp({ maxEntries: 3 });
    const running = Array.from({ length: 50 }, (_, i) => `running ${i}`);
    for (const key of running) expect(claim(key)).toMatchObject({ status: "claimed" });
    claim("uncertain");
    store.renew("uncertain", "uncertain", 0);
    for (let i = 0; i < 20; i += 1) complete(`k${i}`);
    expect(evicted).toEqual(Array.from({ length: 17 }, (_, i) => `k${i}`));
    expect(running.map(status)).toEqual(running.map(() => "in-progress"));
    expect(status("uncertain")).toBe("uncertain");
    for (const key of running) expect(store.complete(key, key, "sent", TTL)).toBe(true);
    expect(evicted.slice(17)).toEqual(["k17", "k18", "k19", ...running.slice(0, -3)]);
  });

  it("announces a key when all that caused it stands: a listener may use the store", () => {
    const seen: unknown[] = [];
    const { store, claim, complete } = setUp({
      maxEntries: 1,
      onEvict: key => {
        seen.push([key, store.read("b"), store.read(key)]);
        store.claim("b", request("again"));
        if (key === "a") store.claim("a", request("again"));
      },
    });
    complete("a");
    claim("b");
    expect(seen).toEqual([]);
    expect(store.complete("b", "b", "sent", TTL)).toBe(true);
    expect(seen).toMatchObject([["a", { status: "completed", outcome: "sent" }, undefined]]);
    expect(store.read("a")).toMatchObject({ status: "in-progress", attempt: 1, runId: "again" });
  });

  it("announces the fingerprint of a key where keys are redacted", () => {
    const { evicted, complete } = setUp({ maxEntries: 1, redactKeys: true });
    complete("a");
    complete("b");
    expect(evicted).toEqual([fingerprint("a")]);
    const shown = setUp({ maxEntries: 1, redactKeys: false });
    shown.complete("a");
    shown.complete("b");
    expect(shown.evicted).toEqual(["a"]);
  });

  it("takes a known key's claim at any time", () => {
    const { store, evicted, claim } = setUp({ maxEntries: 1 });
    claim("a");
    expect(store.claim("a", request("b"))).toMatchObject({ status: "in-progress" });
    expect(claim("a")).toMatchObject({ status: "claimed", attempt: 1 });
    store.release("a", "a");
    expect(claim("a")).toMatchObject({ status: "claimed", attempt: 2 });
    expect(evicted).toEqual([]);
  });

  it("announces nothing that was past its time, also before the sweep of its second", () => {
    for (const [after, announced] of [
      [TTL - 1, ["a"]],
      [TTL, []],
    ] as const) {
      const { evicted, clock, complete } = setUp({ maxEntries: 1 });
      clock.advance(500);
      complete("a");
      clock.advance(after);
      complete("b");
      expect(evicted).toEqual(announced);
    }
  });

  it("goes on when the listener throws, and needs none", () => {
    const onEvict = vi.fn(() => {
      throw new Error("oh");
    });
    for (const options of [{ onEvict }, { onEvict: undefined }]) {
      const { complete, status } = setUp({ maxEntries: 1, ...options });
      complete("a");
      complete("b");
      expect([status("a"), status("b")]).toEqual([undefined, "completed"]);
    }
    expect(onEvict.mock.calls).toEqual([["a"]]);
  });
});

describe("a full store that rejects", () => {
  it.each([0, 500])(
    "refuses any new key, drops nothing, and takes one once there is room, from %i on",
    start => {
      const { store, evicted, clock, claim, complete, status } = setUp(
        { maxEntries: 2, onFull: "reject" },
        manualClock(start),
      );
      complete("a");
      claim("b");
      expect(caught(() => claim("c"), "STORE_ERROR").message).toBe(
        "The in-memory store is full: it holds maxEntries (2) keys. Raise maxEntries, or call again later",
      );
      expect(claim("a")).toMatchObject({ status: "completed" });
      expect(store.complete("b", "b", "sent", TTL)).toBe(true);
      clock.advance(TTL - 1);
      expect(() => claim("c")).toThrow(StoreError);
      clock.advance(1);
      expect(claim("c")).toMatchObject({ status: "claimed" });
      expect([evicted, status("c")]).toEqual([[], "in-progress"]);
    },
  );

  it("takes one in place of what is past its time, also before the sweep of its second", () => {
    const { clock, claim, complete } = setUp({ maxEntries: 1, onFull: "reject" });
    clock.advance(500);
    complete("a");
    clock.advance(TTL);
    expect(claim("b")).toMatchObject({ status: "claimed" });
  });

  it("has room for the completion of whatever it took", () => {
    const { store, evicted, claim } = setUp({ maxEntries: 5, onFull: "reject" });
    const keys = ["a", "b", "c", "d", "e"];
    for (const key of keys) claim(key);
    expect(() => claim("f")).toThrow(StoreError);
    for (const key of keys) expect(store.complete(key, key, "sent", TTL)).toBe(true);
    expect(keys.map(key => store.claim(key, request("x")))).toMatchObject(
      keys.map(() => ({ status: "completed" })),
    );
    expect(evicted).toEqual([]);
  });

  it("takes one after forget", () => {
    const { store, claim, complete } = setUp({ maxEntries: 1, onFull: "reject" });
    complete("a");
    expect(store.forget("a")).toBe(true);
    expect(claim("b")).toMatchObject({ status: "claimed" });
  });
});

describe("the bounds of its times", () => {
  it.each([0, 500, 86_400_000])("hold to the millisecond, from %i on", start => {
    const { store, clock, claim, status } = setUp({}, manualClock(start));
    claim("left");
    clock.advance(LEASE - 1);
    expect(store.read("left")).toMatchObject({ status: "in-progress", leaseInMs: 1, expiresInMs: TTL + 1 });
    clock.advance(1);
    expect(store.read("left")).toMatchObject({ status: "uncertain", leaseInMs: 0, expiresInMs: TTL });
    clock.advance(TTL - 1);
    expect(store.claim("left", request("other"))).toMatchObject({ status: "uncertain", retryAfterMs: 1 });
    clock.advance(1);
    expect(status("left")).toBeUndefined();
    expect(store.complete("left", "left", "late", TTL)).toBe(false);
    claim("done");
    store.complete("done", "done", "sent", 1_001);
    clock.advance(1_000);
    expect(claim("done")).toMatchObject({ status: "completed", expiresInMs: 1 });
    clock.advance(1);
    expect(claim("done")).toMatchObject({ status: "claimed", attempt: 1, runId: "done" });
  });

  it.each([1, 60, 3_600, 86_400 * 30, 86_400 * 3_650])(
    "are kept by a clock that is set back by %i s",
    seconds => {
      const { store, clock, claim, complete, status } = setUp();
      complete("done");
      claim("running");
      clock.advance(-seconds * 1_000);
      expect(claim("later")).toMatchObject({ status: "claimed" });
      expect(store.claim("running", request("x"))).toMatchObject({ retryAfterMs: LEASE });
      clock.advance(LEASE);
      expect(["done", "running", "later"].map(status)).toEqual(["completed", "uncertain", "uncertain"]);
      clock.advance(TTL - LEASE - 1);
      expect(store.claim("done", request("x"))).toMatchObject({ status: "completed", expiresInMs: 1 });
      clock.advance(1);
      expect(["done", "running", "later"].map(status)).toEqual([undefined, "uncertain", "uncertain"]);
      clock.advance(LEASE);
      expect(["done", "running", "later"].map(status)).toEqual([undefined, undefined, undefined]);
    },
  );

  it("are kept by a clock that gives no number for a while", () => {
    const { now, advance } = manualClock();
    const clock = vi.fn<() => number>(now).mockReturnValueOnce(undefined as never);
    const { store, claim, complete } = setUp({ clock });
    complete("done");
    clock.mockReturnValueOnce(Number.NaN).mockReturnValueOnce(undefined as never);
    for (let n = 0; n < 3; n++) expect(claim("done")).toMatchObject({ status: "completed" });
    expect(store.read("done")).toMatchObject({ expiresInMs: TTL });
    advance(TTL);
    expect(store.read("done")).toBeUndefined();
  });

  it.each([1, 3_650])("are over early, and no later, by a clock that is set ahead by %i days", days => {
    const { clock, claim, complete, status } = setUp();
    complete("done");
    clock.advance(days * 86_400_000);
    expect(status("done")).toBeUndefined();
    expect(claim("done")).toMatchObject({ status: "claimed", attempt: 1 });
    complete("later");
    clock.advance(-days * 86_400_000);
    expect(status("later")).toBe("completed");
    clock.advance(TTL);
    expect(status("later")).toBeUndefined();
  });

  it("survive a clock that jumps", () => {
    const { clock, claim, complete, status } = setUp();
    complete("a");
    clock.advance(-3_600_000);
    expect(status("a")).toBe("completed");
    expect(claim("b")).toMatchObject({ status: "claimed" });
    clock.advance(3_600_000 + TTL);
    expect(status("a")).toBeUndefined();
    expect(claim("c")).toMatchObject({ status: "claimed", attempt: 1, runId: "c" });
  });
});

describe("settled", () => {
  it("wakes everybody who waits for the key, and nobody whose signal has aborted keeps others from it", async () => {
    const { store, claim } = setUp();
    claim("k");
    const woken: string[] = [];
    const watch = (name: string, { signal } = new AbortController()) =>
      store.settled!("k", signal).then(() => woken.push(name));
    const leaving = new AbortController();
    const waiting = [watch("first"), watch("leaves", leaving), watch("second")];
    leaving.abort();
    await waiting[1];
    expect(woken).toEqual(["leaves"]);
    store.complete("k", "k", "sent", TTL);
    await Promise.all(waiting);
    expect(woken).toEqual(["leaves", "first", "second"]);
  });
});

describe("who waits", () => {
  const waitFor = (store: ReturnType<typeof memoryStore>) => {
    const woken = vi.fn();
    void store.settled!("k", new AbortController().signal).then(woken);
    return woken;
  };
  const soon = () => new Promise(resolve => setImmediate(resolve));

  it.each<[string, (scene: ReturnType<typeof setUp>) => unknown]>([
    ["completed", ({ store }) => store.complete("k", "k", "sent", TTL)],
    ["released", ({ store }) => store.release("k", "k")],
    ["held for no longer", ({ store }) => store.renew("k", "k", 0)],
    ["forgotten", ({ store }) => store.forget("k")],
    ["settled", ({ store, clock }) => clock.advance(LEASE) ?? store.settle("k", "found", TTL)],
  ])("is woken when the key is %s", async (_, end) => {
    const scene = setUp();
    scene.claim("k");
    const woken = waitFor(scene.store);
    expect(end(scene)).toBe(true);
    await soon();
    expect(woken).toHaveBeenCalledOnce();
  });

  it("is not woken by what ends nothing", async () => {
    const { store, claim } = setUp();
    const woken = waitFor(store);
    store.forget("k");
    claim("k");
    store.renew("k", "k", LEASE);
    store.complete("k", "another", "sent", TTL);
    store.release("k", "another");
    store.settle("k", "found", TTL);
    await soon();
    expect(woken).not.toHaveBeenCalled();
  });
});

describe("options", () => {
  const make = (options: unknown) => () => memoryStore(options as MemoryStoreOptions);

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 24 + 1, "5", null, 5n])(
    "maxEntries does not take %s",
    maxEntries => {
      const { message } = caught(make({ maxEntries }), "INVALID_OPTION");
      const got = { 5: '"5"' }[String(maxEntries)];
      const shown = typeof maxEntries === "bigint" ? "5n" : (got ?? String(maxEntries));
      expect(message).toBe(`maxEntries: expected a whole number from 1 to 16777216; got ${shown}`);
    },
  );

  it.each([
    [{ onFull: "drop" }, 'onFull: expected "evict" or "reject"; got "drop"'],
    [{ onEvict: "log" }, 'onEvict: expected a function; got "log"'],
    [{ clock: 5 }, "clock: expected a function; got 5"],
    [{ redactKeys: "yes" }, 'redactKeys: expected true or false; got "yes"'],
    [
      { max: 5 },
      'memoryStore options: expected one of maxEntries, onFull, onEvict, redactKeys, clock; got "max"',
    ],
    [null, "memoryStore options: expected a plain object; got null"],
  ])("%j is refused", (options, message) => {
    expect(caught(make(options), "INVALID_OPTION").message).toBe(message);
  });

  it.each([1, 2 ** 24])("maxEntries takes %d", maxEntries => {
    // To make such a store would allocate half a gigabyte.
    expect(readMemoryOptions({ maxEntries })).toMatchObject({ maxEntries });
  });

  it("may all be left out, or undefined", () => {
    const unset = { maxEntries: undefined, onFull: undefined, onEvict: undefined, clock: undefined };
    for (const store of [memoryStore(), memoryStore({}), memoryStore(unset)]) {
      expect(store.claim("k", request("a"))).toMatchObject({ status: "claimed" });
      store.forget("k");
    }
    expect(make({ maxEntries: 1 })).not.toThrow();
  });
});

describe("a settled record", () => {
  it("is nobody's when it was settled from outside: its former holder does not complete it", () => {
    const { store, clock, claim } = setUp();
    claim("a");
    clock.advance(LEASE);
    expect(store.settle("a", "found", TTL)).toBe(true);
    expect(store.complete("a", "a", "late", TTL)).toBe(false);
    expect(store.claim("a", request("b"))).toMatchObject({ status: "completed", outcome: "found" });
  });

  it("is settled so already only where it was settled from outside, with that outcome", () => {
    const { store, claim, clock } = setUp();
    const settle = (outcome: string) => store.settle("k", outcome, TTL);
    claim("k");
    store.complete("k", "k", "sent", TTL);
    expect(settle("sent")).toBe(false);
    store.forget("k");
    claim("k");
    store.release("k", "k");
    expect(settle("sent")).toBe(false);
    claim("k");
    store.complete("k", "k", "sent", TTL);
    expect(settle("sent")).toBe(false);
    store.forget("k");
    claim("k");
    clock.advance(LEASE);
    expect([settle("sent"), settle("sent"), settle("other")]).toEqual([true, true, false]);
  });

  it("has its text to the letter after its value was kept for replays", async () => {
    const store = memoryStore();
    const { withIdempotency, inspect } = createIdempotency({ store });
    const send = () => withIdempotency("k", "1h", () => ({ id: "m1", to: ["ada", null] }));
    const results = [await send(), await send(), await send()];
    const outcome = '{"id":"m1","to":["ada",null]}';
    expect(store.read("k")).toMatchObject({ status: "completed", outcome });
    expect(store.claim("k", request("a"))).toMatchObject({ status: "completed", outcome });
    expect([...results, (await inspect("k"))?.value]).toEqual(Array(4).fill(JSON.parse(outcome)));
  });

  it("counts the claims of one token, too", () => {
    const { store, claim } = setUp();
    claim("a");
    store.release("a", "a");
    claim("a");
    store.complete("a", "a", "sent", TTL);
    expect(store.read("a")).toMatchObject({ attempt: 2, runId: "a" });
  });
});
