import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { RedisClient } from "../../../src/stores/redis/client.ts";
import { redisStore } from "../../../src/stores/redis/store.ts";

const TIMES = { ttlMs: 60_000, leaseMs: 30_000 };

/** Everything that a script or a command answers, once. */
export async function answersEverything(client: RedisClient, prefix = `${randomUUID()}:`): Promise<void> {
  const store = redisStore(client, { prefix, onWarning: ({ message }) => expect.fail(message) });
  const claim = (token: string, more = {}) =>
    store.claim("k", { token, fingerprint: "f", ...TIMES, ...more });
  const claimed = { status: "claimed", runId: "a", fingerprint: "f" };
  expect(await store.read("k")).toBeUndefined();
  expect(await claim("a")).toEqual({ ...claimed, attempt: 1, takeover: false });
  expect(await claim("a")).toEqual({ ...claimed, attempt: 1, takeover: false });
  expect(await claim("b")).toMatchObject({ status: "in-progress", attempt: 1 });
  expect(await store.renew("k", "b", 0)).toBe(false);
  expect(await store.renew("k", "a", 0)).toBe(true);
  expect(await store.read("k")).toMatchObject({ status: "uncertain", attempt: 1, leaseInMs: 0 });
  expect(await claim("b")).toMatchObject({ status: "uncertain", attempt: 1 });
  expect(await claim("b", { rerun: true })).toEqual({ ...claimed, attempt: 2, takeover: true });
  expect(await store.release("k", "a")).toBe(false);
  expect(await store.release("k", "b")).toBe(true);
  expect(await claim("c")).toEqual({ ...claimed, attempt: 3, takeover: false });
  expect(await store.renew("k", "c", 0)).toBe(true);
  expect(await store.reopen("k", { runId: "a", attempt: 2 })).toBe(false);
  expect(await store.reopen("k", { runId: "a", attempt: 3 })).toBe(true);
  expect(await store.reopen("k")).toBe(false);
  expect(await claim("c", { rerunWithinMs: 60_000 })).toEqual({ ...claimed, attempt: 4, takeover: false });
  expect(await store.renew("k", "c", 0)).toBe(true);
  expect(await store.settle("k", "found", 60_000, { runId: "a", attempt: 2 })).toBe(false);
  expect(await store.settle("k", "found", 60_000, { runId: "a", attempt: 4 })).toBe(true);
  expect(await claim("d")).toMatchObject({ status: "completed", attempt: 4, outcome: "found" });
  expect(await store.forget("k", { runId: "a", attempt: 2 })).toBe(false);
  expect(await store.forget("k", { runId: "a", attempt: 4 })).toBe(true);
  expect(await store.forget("k")).toBe(false);
  expect(await claim("e", { fingerprint: undefined })).toMatchObject({
    status: "claimed",
    attempt: 1,
    runId: "e",
  });
  expect(await store.complete("k", "a", "sent €", 60_000)).toBe(false);
  expect(await store.complete("k", "e", "sent €", 60_000)).toBe(true);
  expect(await store.complete("k", "e", "sent €", 60_000)).toBe(true);
  const record = { status: "completed", outcome: "sent €", claimedAt: expect.any(Number) };
  expect(await store.read("k")).toMatchObject(record);
  const listed = [];
  for await (const each of store.list!({ prefix: "", status: "completed" })) listed.push(each);
  expect(listed).toMatchObject([{ ...record, key: "k" }]);
  expect(await store.forget("k")).toBe(true);
  // B6
  const items = ["l", "m"].map(key => ({
    key,
    token: "h",
    leaseMs: 30_000,
    outcome: "sent €",
    ttlMs: 60_000,
  }));
  const claims = (token: string) =>
    store.claimMany!(items.map(({ key }) => ({ key, request: { token, ...TIMES } })));
  const both = <T>(value: T) => [value, value];
  expect(await claims("h")).toMatchObject(both({ status: "claimed", attempt: 1, runId: "h" }));
  expect(await claims("i")).toMatchObject(both({ status: "in-progress", attempt: 1 }));
  expect(await store.renewMany!(items)).toEqual(both(true));
  expect(await store.releaseMany!(items)).toEqual(both(true));
  expect(await claims("h")).toMatchObject(both({ status: "claimed", attempt: 2, runId: "h" }));
  expect(await store.completeMany!(items)).toEqual(both(true));
  expect(await store.completeMany!(items.map(item => ({ ...item, token: "i" })))).toEqual(both(false));
  expect(await claims("i")).toMatchObject(both({ status: "completed", outcome: "sent €" }));
  expect(await Promise.all(items.map(({ key }) => store.forget(key)))).toEqual(both(true));
  expect(await claim("f", { rerunWithinMs: 60_000 })).toMatchObject({ attempt: 1, takeover: false });
  expect(await store.renew("k", "f", 0)).toBe(true);
  expect(await claim("g", { rerunWithinMs: 60_000 })).toMatchObject({ attempt: 2, takeover: true });
  expect(await store.forget("k")).toBe(true);
}
