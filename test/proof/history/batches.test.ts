import { describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { type Storyteller, storyteller } from "./made.ts";

const found = (tale: (tell: Storyteller) => void) => {
  const tell = storyteller();
  tale(tell);
  return check(tell.events.sort((a, b) => a.at - b.at)).map(
    ({ promise, message }) => `${promise}: ${message}`,
  );
};

interface Batch {
  calls?: string[];
  batchSize?: number;
  /** Those that claim their keys, and those that `fn` gets, batch by batch. */
  claim?: string[];
  runs?: string[][];
  startAt?: number;
  endAt?: number;
  /** When all are answered, and with what keys. */
  answerAt?: number;
  keys?: string[];
  idempotencyKey?: string;
  attempt?: number;
  process?: string;
  ends?: boolean;
}

const LEASE_MS = 1_000;

/** Tells of an `executeMany`: each item has its own key, named as the call. */
function many(tell: Storyteller, name: string, at: number, batch: Batch = {}): void {
  const {
    calls = ["a", "b"],
    batchSize = 9,
    claim = calls,
    runs = [calls],
    process = "p1",
    attempt = 1,
  } = batch;
  const { startAt = at, endAt = startAt + 10, answerAt = endAt, keys = calls, ends = true } = batch;
  const { add } = tell;
  add({
    type: "many",
    at,
    process,
    batch: name,
    calls: calls.map(call => name + call),
    keys: calls,
    batchSize,
  });
  for (const key of calls) {
    const times = { ttlMs: 60_000, leaseMs: LEASE_MS, waitMs: 5_000, storeTimeoutMs: 1_000 };
    const options = { onConflict: "wait", onStoreError: "throw", onUncertain: "rerun", batch: name } as const;
    add({ type: "call", at, process, call: name + key, key, ...times, ...options });
  }
  for (const key of claim) {
    const token = `${name}${key}`;
    const asked = { process, operation: "claim", key, token } as const;
    const request = { token, ttlMs: 60_000, leaseMs: LEASE_MS, rerun: true };
    const answer = { status: "claimed", attempt, runId: `t-${key}`, takeover: attempt > 1 };
    add({ type: "send", at, ...asked });
    add({ type: "store", at, sent: at, ...asked, request, answer, heard: true });
  }
  for (const run of runs) {
    const idempotencyKeys = run.map(key => `window of ${key}`);
    const { idempotencyKey = run.join() } = batch;
    const names = run.map(key => name + key);
    add({
      type: "batch",
      at: startAt,
      process,
      batch: name,
      calls: names,
      idempotencyKeys,
      idempotencyKey,
      watches: true,
    });
    for (const key of run) {
      const of = { process, call: name + key, key };
      add({ type: "start", at: startAt, ...of, attempt, idempotencyKey: `window of ${key}`, watches: false });
      if (ends) add({ type: "throw", at: endAt, ...of, error: `error of ${key}`, policy: "hold" });
      if (ends) add({ type: "refused", at: answerAt, ...of, error: `error of ${key}` });
    }
  }
  add({ type: "outcomes", at: answerAt, process, batch: name, keys, hasLeft: false });
}

const only = (tale: (tell: Storyteller) => void, promise: RegExp) =>
  found(tale).filter(each => promise.test(each));

describe("batches that keep what they promise pass:", () => {
  it.each<[string, Batch]>([
    ["one with all", {}],
    ["one for each item", { runs: [["a"], ["b"]], batchSize: 1 }],
    ["a long one, and what waits for room meanwhile", { calls: ["a", "b", "c"], endAt: 100_000 }],
  ])("%s", (_, batch) => {
    expect(only(tell => many(tell, "b1.", 0, batch), /^(B\d|answers)/)).toEqual([]);
  });

  it("the same once more, and another", () => {
    const tale = (tell: Storyteller) => {
      many(tell, "b1.", 0);
      many(tell, "b2.", 2_000, { attempt: 2 });
      many(tell, "b3.", 4_000, { calls: ["b", "a"], attempt: 3 });
    };
    expect(only(tale, /^(B\d|answers)/)).toEqual([]);
  });
});

describe("what is broken is found:", () => {
  it.each<[string, RegExp, Batch]>([
    ["B1", /gave outcomes/, { keys: ["b", "a"] }],
    ["B1", /gave outcomes/, { keys: ["a"] }],
    ["B2", /got nothing/, { runs: [["a", "b"], []] }],
    ["B2", /fn of/, { batchSize: 1 }],
    ["B2", /fn of/, { runs: [["b", "a"]] }],
    ["B2", /fn of/, { runs: [["a", "b"], ["a"]] }],
    ["B2", /claim was never made/, { claim: ["a"] }],
    ["B3", /with nothing else running/, { startAt: 10_000 }],
    ["B7", /a batch too many/, { calls: ["a", "b", "c"], runs: [["a"], ["b"], ["c"]] }],
    ["answers", /did not go on/, { answerAt: 100_000 }],
  ])("%s, %s", (promise, says, batch) => {
    const broken = found(tell => many(tell, "b1.", 0, batch));
    expect(broken).toContainEqual(expect.stringMatching(new RegExp(`^${promise}: .*${says.source}`)));
  });

  it("B4: a batch that is not warned when all of its items have been taken over", () => {
    const tale = (tell: Storyteller) => {
      many(tell, "b1.", 0, { endAt: 50_000 });
      many(tell, "b2.", 2_000, { attempt: 2, process: "p2" });
    };
    expect(only(tale, /^B4/)).toHaveLength(1);
    const one = (tell: Storyteller) => {
      many(tell, "b1.", 0, { endAt: 50_000 });
      many(tell, "b2.", 2_000, { calls: ["a"], attempt: 2, process: "p2" });
    };
    expect(only(one, /^B4/)).toEqual([]);
  });

  it("B5: another batch with the same key, and the same with another", () => {
    const another = (tell: Storyteller) => {
      many(tell, "b1.", 0, { idempotencyKey: "one" });
      many(tell, "b2.", 2_000, { calls: ["a"], attempt: 2, idempotencyKey: "one" });
    };
    const same = (tell: Storyteller) => {
      many(tell, "b1.", 0, { idempotencyKey: "one" });
      many(tell, "b2.", 2_000, { attempt: 2, idempotencyKey: "two" });
    };
    for (const tale of [another, same]) expect(only(tale, /^B5/)).toHaveLength(1);
  });

  it("an item that is never answered", () => {
    const tale = (tell: Storyteller) => many(tell, "b1.", 0, { ends: false });
    expect(only(tale, /^answers: .* never answered/)).toHaveLength(2);
  });

  it("a claim that is held though fn never ran by it, where it took nothing over", () => {
    const tale = (tell: Storyteller) => {
      tell.call(0, "a");
      tell.claimed(0, "t1");
      tell.act(10, "renew", "t1", true, { leaseMs: 0 });
    };
    expect(only(tale, /^lease: .* never ran/)).toHaveLength(1);
  });
});

it("a failure is shared for as long as its batch runs, though its reader has left", () => {
  const tale = (tell: Storyteller) => {
    tell.call(0, "b1.1", { batch: "b1" });
    tell.claimed(0, "t1");
    tell.start(0, "b1.1");
    tell.add({ type: "abort", at: 5, process: "p1", call: "b1.1", key: "k" });
    tell.add({ type: "refused", at: 5, process: "p1", call: "b1.1", key: "k", aborted: true });
    tell.call(10, "a");
    tell.fail(20, "b1.1");
    tell.act(20, "release", "t1");
    tell.refuseBy(20, "a", "error of b1.1");
  };
  expect(found(tale)).toEqual([]);
});
