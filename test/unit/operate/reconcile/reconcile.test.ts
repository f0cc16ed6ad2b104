import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, type KeyEntry, memoryStore } from "../../../../src/index.ts";
import { type Finding, type ReconcileOptions, reconcile } from "../../../../src/reconcile.ts";
import { faultyStore } from "../../../../src/testing.ts";
import { deferred } from "../../../support/calls.ts";
import { withList } from "./listing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));

async function uncertain(count: number, store = memoryStore()) {
  const emails = createIdempotency({ store, namespace: "emails" });
  for (let n = 0; n < count; n += 1) await emails.withIdempotency(["email", n], "1h", cut).catch(() => {});
  await vi.advanceTimersByTimeAsync(60_000);
  return emails;
}

const NOTHING = { looked: 0, resolved: 0, reopened: 0, left: 0, failed: 0 };
const byNumber =
  (findings: Finding[]) =>
  ({ key }: KeyEntry) =>
    findings[Number(key?.split(":")[1])];

describe("reconcile", () => {
  it("settles what happened, reopens what did not, and leaves what is not known", async () => {
    const emails = await uncertain(3);
    const find = byNumber([{ happened: true, value: { id: "a" } }, { happened: false }, undefined]);
    const done = await reconcile(emails, { ttl: "1h", find });
    expect(done).toEqual({ looked: 3, resolved: 1, reopened: 1, left: 1, failed: 0 });
    expect(await emails.withIdempotency(["email", 0], "1h", () => ({ id: "again" }))).toEqual({ id: "a" });
    expect(await emails.execute(["email", 1], "1h", () => "sent")).toMatchObject({
      value: "sent",
      attempt: 2,
    });
    expect(await emails.inspect(["email", 2])).toMatchObject({ state: "uncertain" });
  });

  it("hands find the entry, with the key that the provider got, and a signal", async () => {
    const emails = createIdempotency({ store: memoryStore() });
    let sent = "";
    const run = (execution: { idempotencyKey: string }) => {
      sent = execution.idempotencyKey;
      return cut();
    };
    await emails.withIdempotency("one", "1h", run).catch(() => {});
    const find = vi.fn(() => undefined);
    await reconcile(emails, { ttl: "1h", olderThan: "0s", find });
    expect(find).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ key: "one", state: "uncertain", idempotencyKey: sent }),
      { signal: expect.any(AbortSignal) },
    );
  });

  it("looks only at what has been uncertain for a minute, or as long as it is told", async () => {
    const emails = await uncertain(1);
    await emails.withIdempotency("young", "1h", cut).catch(() => {});
    expect(await reconcile(emails, { ttl: "1h", find: () => undefined })).toMatchObject({ looked: 1 });
    const find = () => undefined;
    expect(await reconcile(emails, { ttl: "1h", olderThan: "0s", find })).toMatchObject({ looked: 2 });
    expect(await reconcile(emails, { ttl: "1h", olderThan: "2m", find })).toEqual(NOTHING);
  });

  it("keeps to its concurrency, and pulls the next entry only when there is room", async () => {
    const inner = memoryStore();
    let pulled = 0;
    const store = withList(inner, async function* (query) {
      for await (const record of inner.list!(query)) {
        pulled += 1;
        yield record;
      }
    });
    const emails = await uncertain(10, store);
    const gates: (() => void)[] = [];
    let most = 0;
    let now = 0;
    const find = async (): Promise<Finding> => {
      most = Math.max(most, ++now);
      await new Promise<void>(resolve => gates.push(resolve));
      now -= 1;
      return { happened: false };
    };
    const pass = reconcile(emails, { ttl: "1h", concurrency: 3, find });
    await vi.advanceTimersByTimeAsync(0);
    expect({ pulled, now }).toEqual({ pulled: 3, now: 3 });
    gates.shift()!();
    await vi.advanceTimersByTimeAsync(0);
    expect({ pulled, now }).toEqual({ pulled: 4, now: 3 });
    while (gates.length > 0) {
      gates.shift()!();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(await pass).toMatchObject({ looked: 10, reopened: 10 });
    expect(most).toBe(3);
  });

  it("stops at its limit", async () => {
    const emails = await uncertain(5);
    const pass: ReconcileOptions = { ttl: "1h", limit: 2, find: () => ({ happened: false }) };
    expect(await reconcile(emails, pass)).toEqual({ ...NOTHING, looked: 2, reopened: 2 });
    expect(await reconcile(emails, pass)).toMatchObject({ looked: 2 });
    expect(await reconcile(emails, pass)).toMatchObject({ looked: 1 });
  });

  it("loses one entry only by what find throws, and reports it", async () => {
    const emails = await uncertain(3);
    const lost = new Error("mailbox closed");
    const find = ({ key }: KeyEntry): Finding => {
      if (key === "email:1") throw lost;
      return { happened: false };
    };
    const onError = vi.fn(() => {
      throw new Error("a failing log");
    });
    expect(await reconcile(emails, { ttl: "1h", find, onError })).toEqual({
      looked: 3,
      resolved: 0,
      reopened: 2,
      left: 0,
      failed: 1,
    });
    expect(onError).toHaveBeenCalledExactlyOnceWith(lost, expect.objectContaining({ key: "email:1" }));
    expect(await emails.inspect(["email", 1])).toMatchObject({ state: "uncertain" });
  });

  it.each([true, null, "sent", {}, { happened: "no" }, { happened: true }])(
    "takes %j for a slip of find, and leaves the key uncertain",
    async answer => {
      const emails = await uncertain(1);
      const onError = vi.fn();
      const find = () => answer as unknown as Finding;
      expect(await reconcile(emails, { ttl: "1h", find, onError })).toMatchObject({ failed: 1 });
      expect(onError.mock.calls[0]![0]).toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("find: expected { happened: true, value }"),
      });
      expect(await emails.inspect(["email", 0])).toMatchObject({ state: "uncertain" });
    },
  );

  it("counts a result that cannot be stored as that entry's failure", async () => {
    const emails = await uncertain(1);
    const find = (): Finding => ({ happened: true, value: () => {} });
    expect(await reconcile(emails, { ttl: "1h", find })).toMatchObject({ failed: 1 });
  });

  it.each<[string, Finding]>([
    ["resolve", { happened: true, value: 1 }],
    ["reopen", { happened: false }],
  ])("leaves what a takeover made of the key between find and %s", async (_, finding) => {
    const emails = await uncertain(1);
    const find = async () => {
      await emails.withIdempotency(["email", 0], "1h", cut, { onUncertain: "rerun" }).catch(() => {});
      return finding;
    };
    expect(await reconcile(emails, { ttl: "1h", find })).toEqual({ ...NOTHING, looked: 1, left: 1 });
    expect(await emails.inspect(["email", 0])).toMatchObject({ state: "uncertain", attempt: 2 });
  });

  it("asks once about an entry that the listing names twice", async () => {
    const inner = memoryStore();
    const store = withList(inner, async function* (query) {
      for await (const record of inner.list!(query)) yield* [record, record];
    });
    const emails = await uncertain(2, store);
    expect(await reconcile(emails, { ttl: "1h", find: () => undefined })).toMatchObject({ looked: 2 });
  });

  it("rejects with the signal's reason, after what is under way has ended", async () => {
    const emails = await uncertain(3);
    const controller = new AbortController();
    const gate = deferred<void>();
    let seen: unknown;
    const find = async (_: KeyEntry, { signal }: { signal: AbortSignal }): Promise<Finding> => {
      signal.addEventListener("abort", () => {
        seen = signal.reason;
      });
      await gate.promise;
      return { happened: false };
    };
    const onError = vi.fn();
    let isOver = false;
    const { signal } = controller;
    const pass = reconcile(emails, { ttl: "1h", concurrency: 1, find, signal, onError });
    pass.catch(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    controller.abort("shutting down");
    await vi.advanceTimersByTimeAsync(0);
    expect({ seen, isOver }).toEqual({ seen: "shutting down", isOver: false });
    gate.resolve();
    await expect(pass).rejects.toBe("shutting down");
    expect(onError).not.toHaveBeenCalled();
    expect(await emails.inspect(["email", 0])).toMatchObject({ state: "released" });
    expect(await emails.inspect(["email", 1])).toMatchObject({ state: "uncertain" });
  });

  it("looks at nothing if its signal has aborted before", async () => {
    const emails = await uncertain(1);
    const find = vi.fn();
    const signal = AbortSignal.abort("too late");
    await expect(reconcile(emails, { ttl: "1h", find, signal })).rejects.toBe("too late");
    expect(find).not.toHaveBeenCalled();
  });

  it("rejects with STORE_ERROR where the listing fails, after what is under way has ended", async () => {
    const store = memoryStore();
    const emails = await uncertain(1, store);
    const failing = withList(store, async function* (query) {
      yield* store.list!(query);
      throw new Error("connection lost");
    });
    const listed = createIdempotency({ store: failing, namespace: "emails" });
    const pass = reconcile(listed, { ttl: "1h", find: () => ({ happened: false }) });
    await expect(pass).rejects.toMatchObject({ code: "STORE_ERROR" });
    expect(await emails.inspect(["email", 0])).toMatchObject({ state: "released" });
  });

  it("counts what the store fails to settle, and goes on", async () => {
    const store = memoryStore();
    await uncertain(2, store);
    const faulty = faultyStore(store, [{ operation: "reopen", kind: "fail" }]);
    const emails = createIdempotency({ store: faulty, namespace: "emails" });
    const onError = vi.fn();
    const pass = { ttl: "1h", find: () => ({ happened: false }) as const, onError } as const;
    expect(await reconcile(emails, pass)).toMatchObject({ reopened: 1, failed: 1 });
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "STORE_ERROR" });
  });

  it.each<[string, unknown, string]>([
    ["no options", undefined, "reconcile options: expected a plain object"],
    ["no find", { ttl: "1h" }, "find, which has no default"],
    ["no ttl", { find() {} }, "ttl, which has no default"],
    ["a find that is none", { ttl: "1h", find: 1 }, "find: expected a function"],
    ["a ttl beyond a day", { ttl: "25h", find() {} }, "ttl"],
    [
      "half a look",
      { ttl: "1h", find() {}, concurrency: 0.5 },
      "concurrency: expected a whole number from 1",
    ],
    ["no looks", { ttl: "1h", find() {}, limit: 0 }, "limit: expected a whole number from 1"],
    ["no duration", { ttl: "1h", find() {}, olderThan: 5 }, "olderThan"],
    ["no signal", { ttl: "1h", find() {}, signal: {} }, "signal: expected an AbortSignal"],
    ["no listener", { ttl: "1h", find() {}, onError: "log" }, "onError: expected a function"],
    ["a misspelt option", { ttl: "1h", find() {}, older: "1m" }, 'got "older"'],
    ["every, which is the loop's", { ttl: "1h", find() {}, every: "1m" }, 'got "every"'],
  ])("refuses %s, and says so", async (_, options, message) => {
    const emails = createIdempotency({ store: memoryStore() });
    await expect(reconcile(emails, options as ReconcileOptions)).rejects.toThrow(message);
  });

  it("refuses what cannot list", async () => {
    const pass = { ttl: "1h", find: () => undefined } as const;
    await expect(reconcile({} as never, pass)).rejects.toThrow(
      "idempotency: expected what createIdempotency()",
    );
    const store = withList(memoryStore(), undefined);
    await expect(reconcile(createIdempotency({ store }), pass)).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining("one that can list its keys"),
    });
  });
});
