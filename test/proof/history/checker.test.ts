import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { readHistories, type StoreEvent } from "./events.ts";
import { type Storyteller, storyteller } from "./made.ts";

const HOUR = 3_600_000;
type Tale = [what: string, tell: (tell: Storyteller) => void];

const broken = (tale: (tell: Storyteller) => void) => {
  const tell = storyteller();
  tale(tell);
  return check(tell.events).map(({ promise, message }) => `${promise}: ${message}`);
};

describe("a history that keeps all promises passes:", () => {
  const good: Tale[] = [
    [
      "one run, and a replay",
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(100, "b");
        tell.completed(100, "t2", '"sent by a"');
        tell.replay(101, "b", "sent by a");
        tell.left(HOUR, 0);
      },
    ],
    [
      "a failure that frees the key, and a retry",
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.fail(1, "a");
        tell.act(1, "release", "t1");
        tell.refuseBy(1, "a", "error of a");
        tell.call(2, "b");
        tell.claimed(2, "t2", 2, "t1");
        tell.start(2, "b", 2);
        tell.end(3, "b");
        tell.complete(3, "t2");
        tell.result(3, "b", "sent by b", { attempt: 2 });
      },
    ],
    [
      "a crash, and OUTCOME_UNKNOWN after it",
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.process(1, "crash");
        tell.call(2_000, "b", { process: "p2" });
        tell.uncertain(2_000, "t2");
        tell.refuse(2_001, "b", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "a takeover by a call that reruns, of which the first learns in time",
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.act(500, "renew", "t1", undefined, { answer: undefined, at: 500 });
        tell.lost(1_000, "a");
        tell.call(1_600, "b", { onUncertain: "rerun", process: "p2" });
        tell.claimed(1_600, "t2", 2, "t1", { rerun: true });
        tell.start(1_601, "b", 2);
        tell.end(1_602, "b");
        tell.complete(1_602, "t2");
        tell.result(1_602, "b", "sent by b", { attempt: 2 });
        tell.end(2_000, "a");
        tell.complete(2_000, "t1", '"late"', false);
        tell.result(2_000, "a", "sent by a", { persisted: false });
      },
    ],
    [
      "a new window once the first is over",
      tell => {
        tell.send1(0, "a", "t1");
        tell.send1(60_002, "b", "t2");
      },
    ],
    [
      "a new window once somebody forgot the key",
      tell => {
        tell.send1(0, "a", "t1");
        tell.forget(50);
        tell.send1(100, "b", "t2");
      },
    ],
    [
      "an uncertain key, which one call learns, and a copy of its request comes late",
      tell => {
        abandoned(tell);
        tell.call(2_000, "b", { process: "p2" });
        tell.uncertain(2_000, "t2");
        const told = tell.events.at(-1) as StoreEvent;
        tell.refuse(2_001, "b", "OUTCOME_UNKNOWN");
        tell.add({ ...told, at: 3_000, sent: 3_000, heard: false });
      },
    ],
    [
      "OUTCOME_UNKNOWN of a claim beside which an earlier one was answered later",
      tell => {
        tell.call(0, "a");
        tell.send(0, "claim", "t1");
        tell.call(100, "b", { process: "p2" });
        tell.claimed(200, "t2", 2, "t1", {}, { sent: 100, process: "p2" });
        tell.start(201, "b", 2, "window 1", "p2");
        tell.claimed(300, "t1", 1, "t1", {}, { sent: 0 });
        tell.act(301, "release", "t1", true, { sent: 90 });
        tell.refuse(302, "a", "STORE_ERROR");
        tell.process(400, "crash", "p2");
        tell.call(2_000, "c", { process: "p3" });
        tell.uncertain(2_000, "t3", 2);
        tell.refuse(2_001, "c", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "a claim that lands while its call runs without it, and dies",
      tell => {
        tell.claimed(0, "t0");
        tell.act(1, "release", "t0");
        tell.call(10, "a", { onStoreError: "run" });
        tell.claimed(500, "t1", 2, "t0");
        tell.start(1_000, "a");
        tell.process(5_000, "crash");
      },
    ],
    [
      "a result that could not be stored, and a call that comes after its ttl",
      tell => {
        tell.call(0, "a", { ttlMs: 1_000, leaseMs: 5_000 });
        tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000, leaseMs: 5_000 });
        tell.start(0, "a");
        tell.end(1, "a");
        tell.send(1, "complete", "t1");
        tell.result(1_000, "a", "sent by a", { persisted: false });
        tell.send(1_100, "complete", "t1");
        tell.call(2_500, "b");
        tell.refuse(3_500, "b", "STORE_ERROR");
      },
    ],
    [
      "a call that leaves while its claim is under way, and one that joined it when the window was over",
      tell => {
        tell.call(0, "a", { ttlMs: 1_000 });
        tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 });
        tell.start(0, "a", 1, "t1");
        tell.end(1, "a");
        tell.act(1, "complete", "t1", true, { outcome: `"sent by a"`, ttlMs: 1_000 });
        tell.result(1, "a", "sent by a");
        tell.call(500, "b");
        tell.claim(500, "t2", { status: "completed", attempt: 1, outcome: `"sent by a"`, expiresInMs: 501 });
        tell.add({ type: "abort", at: 900, process: "p1", call: "b", key: "k" });
        tell.add({ type: "refused", at: 900, process: "p1", call: "b", key: "k", aborted: true });
        tell.call(1_200, "c");
        tell.replay(1_300, "c", "sent by a");
      },
    ],
    [
      "windows of different length: whoever takes a key over decides how long it is kept",
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.process(1, "crash");
        tell.call(2_000, "b", { onUncertain: "rerun", process: "p2", ttlMs: 2_000 });
        tell.claimed(2_000, "t2", 2, "t1", { rerun: true, ttlMs: 2_000 }, { process: "p2" });
        tell.start(2_000, "b", 2, "window 1", "p2");
        tell.end(2_001, "b");
        tell.complete(2_001, "t2", `"sent by b"`, true, { process: "p2", ttlMs: 2_000 });
        tell.result(2_002, "b", "sent by b", { attempt: 2 });
        tell.call(5_000, "c", { process: "p2" });
        tell.claimed(5_000, "t3", 1, "t3", {}, { process: "p2" });
        tell.start(5_000, "c", 1, "window 2", "p2");
        tell.end(5_001, "c");
        tell.complete(5_001, "t3", `"sent by c"`, true, { process: "p2" });
        tell.result(5_002, "c", "sent by c");
      },
    ],
    [
      "a run that was stopped and ends late, when who took over has freed the key for a third",
      tell => {
        tell.call(0, "a", { process: "p2" });
        tell.claimed(0, "t1", 1, "t1", {}, { process: "p2" });
        tell.start(0, "a", 1, "window 1", "p2");
        tell.process(1, "pause", "p2");
        tell.call(2_000, "b", { onUncertain: "rerun" });
        tell.claimed(2_000, "t2", 2, "t1", { rerun: true });
        tell.start(2_000, "b", 2);
        tell.fail(2_001, "b");
        tell.act(2_001, "release", "t2");
        tell.refuseBy(2_002, "b", "error of b");
        tell.call(2_003, "c");
        tell.claimed(2_003, "t3", 3, "t1");
        tell.start(2_003, "c", 3);
        tell.end(2_004, "c");
        tell.complete(2_004, "t3", `"sent by c"`);
        tell.result(2_005, "c", "sent by c", { attempt: 3 });
        tell.process(3_000, "resume", "p2");
        tell.end(3_001, "a");
        tell.complete(3_001, "t1", `"sent by a"`, false, { process: "p2" });
        tell.result(3_002, "a", "sent by a", { persisted: false });
      },
    ],
    [
      "a result that a repeated write has stored, and a call that comes later and waits in vain",
      tell => {
        sentUnstored(tell);
        tell.complete(100, "t1", `"sent by a"`);
        tell.call(200, "b");
        tell.refuse(700, "b", "IN_PROGRESS");
      },
    ],
    [
      "a claim that is answered late, and repeated when others have taken it over and their window is past",
      tell => {
        const request = { rerun: true, ttlMs: 1_000 };
        const call = { onUncertain: "rerun", ttlMs: 1_000 } as const;
        tell.call(0, "a", { ...call, process: "p2" });
        tell.claimed(0, "t1", 1, "t1", request, { process: "p2" });
        tell.call(1_500, "b", call);
        tell.claimed(1_500, "t2", 2, "t1", request);
        tell.start(1_500, "b", 2);
        tell.end(1_501, "b");
        tell.complete(1_501, "t2", `"sent by b"`, true, { ttlMs: 1_000 });
        tell.result(1_502, "b", "sent by b", { attempt: 2 });
        tell.claimed(3_000, "t1", 1, "t1", request, { process: "p2" });
        tell.start(3_000, "a", 1, "window 1", "p2");
        tell.end(3_001, "a");
        tell.complete(3_001, "t1", `"sent by a"`, true, { process: "p2", ttlMs: 1_000 });
        tell.result(3_002, "a", "sent by a");
      },
    ],
    [
      "a run whose record expires while its process is stopped, and which claims it once more after another's window",
      tell => expiredWhileStopped(tell, true),
    ],
    [
      "a run that was taken over while its process was stopped, and claims the key once more after that window",
      tell => takenOverWhileStopped(tell, 5_001),
    ],
    [
      "a run with the token of a window that was forgotten, in which others had taken over",
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.call(0, "b", { onUncertain: "rerun", process: "p2" });
        tell.claimed(1_500, "t2", 2, "t1", { rerun: true }, { process: "p2" });
        tell.start(1_500, "b", 2, "window 1", "p2");
        tell.act(1_600, "renew", "t2", true, { process: "p2" });
        tell.lost(1_700, "b");
        tell.forget(1_800);
        tell.claimed(1_900, "t1");
        tell.start(1_900, "a");
        tell.end(1_901, "a");
        tell.complete(1_901, "t1");
        tell.result(1_902, "a", "sent by a");
        tell.end(2_000, "b");
        tell.complete(2_000, "t2", `"sent by b"`, false, { process: "p2" });
        tell.result(2_000, "b", "sent by b", { persisted: false, attempt: 2 });
      },
    ],
    [
      "a takeover that expires unheard, and that is given back when its claim, repeated, has begun a window",
      tell => {
        abandoned(tell);
        tell.call(2_000, "b", { onUncertain: "rerun", process: "p2" });
        tell.took(2_000, "t2", 2, true, { rerun: true }, { process: "p2", heard: false });
        tell.process(2_001, "pause", "p2");
        tell.process(63_001, "resume", "p2");
        const anew = { status: "claimed", attempt: 1, runId: "t2", takeover: false } as const;
        tell.claim(63_001, "t2", anew, { rerun: true }, { process: "p2" });
        tell.refuse(63_002, "b", "STORE_ERROR");
        tell.act(63_003, "release", "t2", true, { process: "p2" });
      },
    ],
    [
      "a result that is yet to be stored, and shared no more when the wall clock says that the lease is over",
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.add({ type: "clock", at: 1, process: "p1", byMs: 86_400_000 });
        tell.end(2, "a");
        tell.result(3, "a", "sent by a", { persisted: false });
        tell.call(100, "b");
        tell.refuse(101, "b", "STORE_ERROR");
      },
    ],
    [
      "a waiter that has missed the run, and removes the window that its claim began",
      tell => {
        const of = { process: "p2" };
        tell.call(0, "a", { ttlMs: 1_000 });
        tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 });
        tell.start(0, "a");
        tell.call(1, "b", of);
        tell.claim(1, "t2", { status: "in-progress", attempt: 1, retryAfterMs: 1_000 }, {}, of);
        tell.process(2, "pause", "p2");
        tell.end(3, "a");
        tell.complete(3, "t1", `"sent by a"`, true, { ttlMs: 1_000 });
        tell.result(4, "a", "sent by a");
        tell.process(2_000, "resume", "p2");
        tell.claimed(2_001, "t2", 1, "t2", {}, of);
        tell.add({ type: "send", at: 2_002, process: "p2", operation: "forget", key: "k" });
        tell.refuse(2_003, "b", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "a claim that a client sends again after its whole window, and others that go on from there",
      tell => {
        const of = { process: "p2" };
        tell.call(0, "a", of);
        tell.refuse(1_000, "a", "STORE_ERROR");
        tell.call(2_000, "b");
        tell.claimed(2_000, "t2", 2, "t1");
        tell.start(2_000, "b", 2);
        tell.process(2_001, "crash");
        tell.call(2_100, "c", of);
        tell.refuse(3_100, "c", "STORE_ERROR");
        tell.claimed(64_000, "t1", 1, "t1", {}, { ...of, sent: 0 });
        tell.act(64_001, "release", "t1", true, of);
        tell.claimed(64_002, "t3", 2, "t1", {}, { ...of, sent: 2_100 });
        tell.act(64_003, "release", "t3", true, of);
        tell.call(64_100, "d", of);
        tell.claimed(64_100, "t4", 3, "t1", {}, of);
        tell.start(64_100, "d", 3, "window 1", "p2");
        tell.end(64_101, "d");
        tell.complete(64_102, "t4", `"sent by d"`, true, of);
        tell.result(64_103, "d", "sent by d", { attempt: 3 });
      },
    ],
    [
      "a claim of several statements that its own release overtakes, and that finds another's result in the end",
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(61_000, "b", { process: "p2" });
        tell.refuse(62_000, "b", "STORE_ERROR");
        tell.call(63_000, "c");
        tell.act(63_100, "release", "t2", true, { process: "p2", sent: 62_000 });
        tell.claimed(63_200, "t3", 2, "t2");
        tell.start(63_200, "c", 2, "window of t2");
        tell.end(63_201, "c");
        tell.complete(63_202, "t3", `"sent by c"`);
        tell.result(63_203, "c", "sent by c", { attempt: 2 });
        const late = { status: "completed", attempt: 2, outcome: `"sent by c"`, expiresInMs: 1 } as const;
        tell.claim(63_300, "t2", late, {}, { process: "p2", sent: 61_000 });
      },
    ],
    [
      "a run that fails, and a copy of its claim that takes over when it is long over",
      tell => {
        tell.call(0, "a", { onUncertain: "rerun" });
        tell.took(0, "t1", 1, false, { rerun: true });
        tell.start(0, "a");
        tell.fail(1, "a");
        tell.act(1, "release", "t1");
        tell.refuseBy(1, "a", "error of a");
        tell.call(2, "b");
        tell.took(2, "t2", 2, false);
        tell.start(2, "b", 2);
        tell.fail(3, "b", "hold");
        tell.act(3, "renew", "t2", true, { leaseMs: 0 });
        tell.refuseBy(3, "b", "error of b");
        tell.took(5_000, "t1", 3, true, { rerun: true }, { heard: false });
      },
    ],
    [
      "a run beside a held key that chose to run without its claim, which lands later and is taken over",
      tell => {
        const call = { onUncertain: "rerun", ttlMs: 2_000 } as const;
        const request = { rerun: true, ttlMs: 2_000 };
        tell.call(0, "a", call);
        tell.claimed(0, "t1", 1, "t1", request);
        tell.start(0, "a");
        tell.fail(1, "a", "hold");
        tell.act(1, "renew", "t1", true, { leaseMs: 0 });
        tell.refuseBy(1, "a", "error of a");
        tell.call(2, "b", { ...call, onStoreError: "run", process: "p2" });
        tell.send(2, "claim", "t2");
        tell.start(1_002, "b", 1, "window 2", "p2");
        tell.fail(1_003, "b", "hold");
        tell.refuseBy(1_003, "b", "error of b");
        tell.claimed(2_500, "t2", 1, "t2", request, { process: "p2" });
        tell.act(2_501, "renew", "t2", true, { leaseMs: 0, process: "p2" });
        tell.call(2_600, "c", call);
        tell.claimed(2_600, "t3", 2, "t2", request);
        tell.start(2_600, "c", 2, "window 2");
        tell.end(2_601, "c");
        tell.complete(2_601, "t3", `"sent by c"`, true, { ttlMs: 2_000 });
        tell.result(2_602, "c", "sent by c", { attempt: 2 });
      },
    ],
    [
      "a run that claims once more when the window of its successor is past, is held, and taken over anew",
      tell => {
        takenOverWhileStopped(tell, 5_001, "hold");
        tell.call(5_500, "c", { onUncertain: "rerun" });
        tell.claimed(5_500, "t3", 2, "t1", { rerun: true });
        tell.start(5_500, "c", 2);
        tell.end(5_501, "c");
        tell.complete(5_501, "t3", `"sent by c"`);
        tell.result(5_502, "c", "sent by c", { attempt: 2 });
      },
    ],
    [
      "a run that hears that it was replaced, and claims its key once more when the window of its successor is past",
      tell => takenOverWhileStopped(tell, 5_001, "value", true),
    ],
    [
      "a run that asks for its expired record before it answers, and does not get it",
      tell => askedAnew(tell, true),
    ],
    [
      "a run that settles once more, for a renewal that was under way has kept its claim",
      tell => {
        tell.call(0, "a", { ttlMs: 1_000, storeTimeoutMs: 5_000 });
        tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 });
        tell.start(1, "a");
        tell.act(250, "renew", "t1");
        tell.fail(260, "a");
        tell.send(260, "release", "t1");
        tell.act(4_000, "release", "t1", false);
        tell.refuseBy(9_000, "a", "error of a");
      },
    ],
    [
      "a result that could not be stored, and a call that gets it within ttl of its being given",
      tell => {
        unstoredFor(tell, 5_000);
        tell.call(14_900, "b");
        tell.result(14_900, "b", "sent by a", { replayed: true, persisted: false });
      },
    ],
    [
      "a call that shares the answer to one which began in time, and which that refuses by its fingerprint",
      tell => {
        const first = { ttlMs: 1_000, fingerprint: "y" };
        tell.call(0, "a", first);
        tell.claimed(0, "t1", 1, "t1", first);
        tell.start(0, "a", 1, "t1");
        tell.end(1, "a");
        tell.act(1, "complete", "t1", true, { outcome: `"sent by a"`, ttlMs: 1_000 });
        tell.result(1, "a", "sent by a");
        tell.call(900, "b", { fingerprint: "x" });
        tell.claim(900, "t2", { status: "completed", attempt: 1, outcome: `"sent by a"`, fingerprint: "y" });
        tell.call(1_200, "c");
        tell.refuse(1_300, "b", "KEY_REUSED");
        tell.replay(1_300, "c", "sent by a");
      },
    ],
    [
      "a record that expired in a pause, which a renewal claims anew, and a completion settles that was sent before",
      tell => {
        tell.call(0, "z", { process: "p2" });
        tell.claimed(0, "t0", 1, "t0", {}, { process: "p2" });
        tell.start(0, "z", 1, "window 1", "p2");
        tell.fail(1, "z");
        tell.act(1, "release", "t0", true, { process: "p2" });
        tell.refuseBy(1, "z", "error of z");
        tell.call(2, "a");
        tell.claimed(2, "t1", 2, "t0");
        tell.start(2, "a", 2);
        tell.process(3, "pause");
        tell.process(HOUR, "resume");
        tell.lost(HOUR, "a");
        tell.end(HOUR + 1, "a");
        tell.send(HOUR + 1, "complete", "t1");
        tell.claimed(HOUR + 100, "t1", 1, "t1");
        tell.settled(HOUR + 200, "complete", "t1", `"sent by a"`);
        tell.result(HOUR + 201, "a", "sent by a", { attempt: 2 });
      },
    ],
  ];
  it.each(good)("%s", (_, tale) => expect(broken(tale)).toEqual([]));

  it("a run that is warned of its successor as late as a timer may ring", () => {
    const tell = storyteller();
    tell.call(0, "a");
    tell.start(0, "a");
    tell.call(2_000, "b", { onUncertain: "rerun", process: "p2" });
    tell.start(2_000, "b", 2, "window 1", "p2");
    tell.lost(2_100, "a");
    const unwarned = (lateMs: number) =>
      check(tell.events, { lateMs }).filter(({ message }) => /unwarned/.test(message)).length;
    expect([unwarned(0), unwarned(99), unwarned(100)]).toEqual([1, 1, 0]);
  });
});

/** A result that the store did not take. */
const sentUnstored = (tell: Storyteller) => {
  tell.call(0, "a");
  tell.claimed(0, "t1");
  tell.start(0, "a");
  tell.end(1, "a");
  tell.act(1, "complete", "t1", undefined, {
    answer: undefined,
    at: 50,
    heard: false,
    outcome: `"sent by a"`,
  });
  tell.result(50, "a", "sent by a", { persisted: false });
};

/**
 * A run that a takeover has replaced and completed, and that claims its key once more at `anewAt`: when it has ended, by
 * a value or an error that holds. Where it `isTold` that it was replaced, it has tried before.
 */
const takenOverWhileStopped = (
  tell: Storyteller,
  anewAt: number,
  ends: "value" | "hold" = "value",
  isTold = false,
) => {
  const of = { process: "p2", ttlMs: 1_000 };
  tell.call(0, "a", of);
  tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 }, { process: "p2" });
  tell.start(0, "a", 1, "window 1", "p2");
  tell.process(1, "pause", "p2");
  tell.call(1_500, "b", { ttlMs: 2_000, onUncertain: "rerun" });
  tell.claimed(1_500, "t2", 2, "t1", { ttlMs: 2_000, rerun: true });
  tell.start(1_500, "b", 2, "window 1");
  if (isTold) tell.inProgress(1_500, "t1", 2);
  tell.end(1_501, "b");
  tell.complete(1_501, "t2", `"sent by b"`, true, { ttlMs: 2_000 });
  tell.result(1_502, "b", "sent by b", { attempt: 2 });
  tell.process(anewAt - 1, "resume", "p2");
  tell.claimed(anewAt, "t1", 1, "t1", { ttlMs: 1_000 }, { process: "p2" });
  if (ends === "hold") {
    tell.fail(anewAt + 1, "a", "hold");
    tell.act(anewAt + 2, "renew", "t1", true, { ...of, leaseMs: 0 });
    tell.refuseBy(anewAt + 3, "a", "error of a");
    return;
  }
  tell.end(anewAt + 1, "a");
  tell.complete(anewAt + 2, "t1", `"sent by a"`, true, of);
  tell.result(anewAt + 3, "a", "sent by a");
};

/** A result whose write gets no answer, and that is given then. */
const unstoredFor = (tell: Storyteller, ms: number) => {
  tell.call(0, "a", { ttlMs: 10_000, storeTimeoutMs: 5_000 });
  tell.claimed(0, "t1", 1, "t1", { ttlMs: 10_000 });
  tell.start(0, "a");
  tell.end(1, "a");
  tell.send(1, "complete", "t1");
  tell.result(ms, "a", "sent by a", { persisted: false });
  tell.send(ms + 100, "complete", "t1");
};

/** A run whose completion is refused, and which is answered when two operations have had their time. */
const askedAnew = (tell: Storyteller, asks: boolean) => {
  tell.call(0, "a", { ttlMs: 1_000, storeTimeoutMs: 5_000 });
  tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 });
  tell.start(1, "a");
  tell.end(3_000, "a");
  tell.complete(7_000, "t1", `"sent by a"`, false, { sent: 3_000 });
  if (asks) tell.send(7_001, "claim", "t1");
  tell.result(11_000, "a", "sent by a", { persisted: false });
};

/** A run that ends long after its window would be over, and the window of another meanwhile. */
const expiredWhileStopped = (tell: Storyteller, claimsAnew: boolean) => {
  const of = { process: "p2", ttlMs: 1_000 };
  tell.call(0, "a", of);
  tell.claimed(0, "t1", 1, "t1", { ttlMs: 1_000 }, { process: "p2" });
  tell.start(0, "a", 1, "window 1", "p2");
  tell.process(1, "pause", "p2");
  tell.call(2_500, "b");
  tell.claimed(2_500, "t2", 1, "t2", { ttlMs: 1_000 });
  tell.start(2_500, "b", 1, "window 2");
  tell.end(2_501, "b");
  tell.complete(2_501, "t2", `"sent by b"`, true, { ttlMs: 1_000 });
  tell.result(2_502, "b", "sent by b");
  tell.process(5_000, "resume", "p2");
  if (claimsAnew) tell.claimed(5_001, "t1", 1, "t1", { ttlMs: 1_000 }, { process: "p2" });
  tell.end(5_002, "a");
  tell.complete(5_003, "t1", `"sent by a"`, true, of);
  tell.result(5_004, "a", "sent by a");
};

/** A first run that nobody knows the end of, and what goes on in a second call. */
const abandoned = (tell: Storyteller) => {
  tell.call(0, "a");
  tell.claimed(0, "t1");
  tell.start(0, "a");
  tell.process(1, "crash");
};

const sentTwice = (tell: Storyteller, more = {}) => {
  tell.send1(0, "a", "t1");
  tell.call(100, "b", more);
  tell.start(100, "b", 2, "window of t1");
  tell.end(101, "b");
};

describe("a broken promise is found:", () => {
  const bad: [promise: string, says: RegExp, tale: (tell: Storyteller) => void][] = [
    ["P1", /succeeded though/, tell => sentTwice(tell)],
    ["P1", /given/, tell => sentTwice(tell, { onUncertain: "rerun" })],
    [
      "P1",
      /was recorded though/,
      tell => {
        sentTwice(tell, { onUncertain: "rerun" });
        tell.result(102, "b", "sent by b", { attempt: 2 });
      },
    ],
    [
      "P1",
      /new window began/,
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(100, "b");
        tell.start(100, "b", 1, "window 2");
      },
    ],
    [
      "P1",
      /new window began/,
      tell => {
        abandoned(tell);
        tell.call(30_000, "b", { process: "p2" });
        tell.start(30_000, "b", 1, "window 2", "p2");
      },
    ],
    [
      "P1",
      /new window began/,
      tell => {
        abandoned(tell);
        tell.claimed(2_000, "t2", 2, "t1", { rerun: true, ttlMs: 30_000 });
        tell.call(30_000, "b", { process: "p2" });
        tell.start(30_000, "b", 1, "window 2", "p2");
      },
    ],
    ["P1", /new window began/, tell => expiredWhileStopped(tell, false)],
    ["P1", /was recorded though/, tell => takenOverWhileStopped(tell, 3_000)],
    ["P1", /another recorded result/, tell => takenOverWhileStopped(tell, 3_000)],
    [
      "P1",
      /no run of the key/,
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(100, "b");
        tell.replay(101, "b", "something else");
      },
    ],
    [
      "P1",
      /ran, and says/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.end(0, "a");
        tell.replay(1, "a", "sent by a");
      },
    ],
    [
      "P1",
      /another recorded result/,
      tell => {
        tell.call(0, "a", { onUncertain: "rerun" });
        tell.call(0, "b", { onUncertain: "rerun" });
        for (const [call, attempt] of [["a", 1] as const, ["b", 2] as const]) {
          tell.start(attempt, call, attempt);
          tell.end(5, call);
          tell.result(6, call, `sent by ${call}`);
        }
      },
    ],
    [
      "P1",
      /another fingerprint/,
      tell => {
        tell.send1(0, "a", "t1", { fingerprint: "x" });
        tell.call(100, "b", { fingerprint: "y" });
        tell.replay(101, "b", "sent by a");
        tell.call(200, "c", { fingerprint: "y", onUncertain: "rerun" });
        tell.start(200, "c", 2, "window of t1");
      },
    ],
    [
      "P1",
      /KEY_REUSED/,
      tell => {
        tell.call(0, "a", { fingerprint: "x" });
        tell.refuse(1, "a", "KEY_REUSED");
      },
    ],
    [
      "P1",
      /same attempt/,
      tell => {
        for (const call of ["a", "b"]) {
          tell.call(0, call);
          tell.start(0, call);
        }
      },
    ],
    [
      "P2",
      /nobody knew/,
      tell => {
        abandoned(tell);
        tell.call(2_000, "b", { process: "p2" });
        tell.start(2_000, "b", 2, "window 1", "p2");
      },
    ],
    [
      "P2",
      /nobody knew/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.fail(1, "a", "hold");
        tell.call(2, "b");
        tell.start(2, "b", 2);
      },
    ],
    [
      "P2",
      /reruns, and got/,
      tell => {
        abandoned(tell);
        tell.call(2_000, "b", { onUncertain: "rerun" });
        tell.refuse(2_001, "b", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "P2",
      /every claim had been settled/,
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(100, "b");
        tell.refuse(101, "b", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "P2",
      /c got OUTCOME_UNKNOWN though every claim had been settled/,
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.lost(1_000, "a");
        tell.call(1_600, "b", { onUncertain: "rerun", process: "p2" });
        tell.claimed(1_600, "t2", 2, "t1", { rerun: true });
        tell.start(1_601, "b", 2, "window 1", "p2");
        tell.end(1_602, "b");
        tell.complete(1_603, "t2", `"sent by b"`);
        tell.result(1_604, "b", "sent by b", { attempt: 2 });
        tell.call(2_000, "c", { process: "p3" });
        tell.refuse(2_001, "c", "OUTCOME_UNKNOWN");
      },
    ],
    [
      "P2",
      /was told of an uncertain key, and asked again/,
      tell => {
        tell.claimed(0, "t1");
        tell.uncertain(2_000, "t2");
        tell.uncertain(2_050, "t2");
      },
    ],
    [
      "P2",
      /took an uncertain key over, and released it/,
      tell => {
        abandoned(tell);
        tell.took(2_000, "t2", 2, true, { rerun: true }, { heard: false });
        tell.took(2_100, "t2", 2, true, { rerun: true });
        tell.act(2_200, "release", "t2");
      },
    ],
    [
      "P1",
      /have the same attempt/,
      tell => {
        takenOverWhileStopped(tell, 5_001);
        tell.call(5_500, "c", { onUncertain: "rerun", process: "p2" });
        tell.claimed(5_500, "t3", 2, "t1", { rerun: true });
        tell.start(5_500, "c", 2);
        tell.start(5_501, "b", 2);
      },
    ],
    [
      "P3",
      /succeeded, and its caller got STORE_ERROR/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.end(1, "a");
        tell.refuse(2, "a", "STORE_ERROR");
      },
    ],
    [
      "P3",
      /not tried again/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.end(1, "a");
        tell.send(1, "complete", "t1");
        tell.result(2, "a", "sent by a", { persisted: false });
        tell.left(HOUR, 0);
      },
    ],
    [
      "P3",
      /yet to be stored/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.end(1, "a");
        tell.result(2, "a", "sent by a", { persisted: false });
        tell.call(100, "b");
        tell.refuse(101, "b", "IN_PROGRESS");
      },
    ],
    [
      "P3",
      /yet to be stored/,
      tell => {
        sentUnstored(tell);
        tell.call(60, "b");
        tell.complete(100, "t1", `"sent by a"`);
        tell.refuse(700, "b", "IN_PROGRESS");
      },
    ],
    [
      "P4",
      /threw, and its caller got STORE_ERROR/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.fail(1, "a");
        tell.refuse(2, "a", "STORE_ERROR");
      },
    ],
    [
      "P4",
      /no run that it could share/,
      tell => {
        tell.call(0, "a");
        tell.refuseBy(1, "a", "error of somebody");
      },
    ],
    [
      "P5",
      /whose window ended/,
      tell => {
        tell.send1(0, "a", "t1");
        tell.call(60_001, "b");
        tell.replay(60_002, "b", "sent by a");
      },
    ],
    [
      "P5",
      /whose window ended/,
      tell => {
        unstoredFor(tell, 5_000);
        tell.call(15_100, "b");
        tell.result(15_100, "b", "sent by a", { replayed: true, persisted: false });
      },
    ],
    ["P5", /are left/, tell => tell.left(HOUR, 1)],
    ["answers", /never answered/, tell => tell.call(0, "a")],
    [
      "answers",
      /only after/,
      tell => {
        tell.call(0, "a");
        tell.refuse(HOUR, "a", "IN_PROGRESS");
      },
    ],
    [
      "answers",
      /ran only after/,
      tell => {
        tell.call(0, "a");
        tell.start(HOUR, "a");
        tell.end(HOUR, "a");
        tell.result(HOUR, "a", "sent by a");
      },
    ],
    [
      "answers",
      /after its run/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.end(1, "a");
        tell.result(HOUR, "a", "sent by a");
      },
    ],
    ["answers", /after its run/, tell => askedAnew(tell, false)],
    [
      "lease",
      /runs on unwarned/,
      tell => {
        tell.call(0, "a");
        tell.start(0, "a");
        tell.call(2_000, "b", { onUncertain: "rerun", process: "p2" });
        tell.start(2_000, "b", 2, "window 1", "p2");
        tell.lost(2_001, "a");
      },
    ],
    [
      "lease",
      /began after/,
      tell => {
        tell.call(0, "a");
        tell.call(2_000, "b", { onUncertain: "rerun", process: "p2" });
        tell.start(2_000, "b", 2, "window 1", "p2");
        tell.start(3_000, "a");
      },
    ],
    [
      "lease",
      /not even renewed/,
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.start(0, "a");
        tell.uncertain(1_500, "t2");
      },
    ],
    [
      "lease",
      /never used the claim/,
      tell => {
        tell.call(0, "a");
        tell.claimed(0, "t1");
        tell.refuse(1_000, "a", "STORE_ERROR");
      },
    ],
    [
      "lease",
      /in the window after it/,
      tell => {
        tell.send1(0, "a", "t1");
        tell.inProgress(0, "t2");
        tell.claimed(60_002, "t2");
        tell.complete(60_003, "t2");
      },
    ],
    [
      "lease",
      /in the window after it/,
      tell => {
        // Its claim is answered too late to be used, and it asks again.
        tell.claimed(0, "t2");
        tell.claimed(1_500, "t1", 2, "t2", { rerun: true });
        tell.inProgress(1_600, "t2", 2);
        tell.complete(1_700, "t1");
        tell.claimed(62_000, "t2");
        tell.complete(62_003, "t2");
      },
    ],
  ];
  it.each(bad)("%s %s", (promise, says, tale) => {
    expect(broken(tale).filter(found => found.startsWith(`${promise}: `) && says.test(found))).not.toEqual(
      [],
    );
  });
});

describe("a broken clause is found:", () => {
  const held = (tell: Storyteller) => tell.claimed(0, "t1");
  const bad: [clause: string, tale: (tell: Storyteller) => void][] = [
    ["S1", tell => [held(tell), tell.claimed(1, "t2", 2, "t1")]],
    ["S1", tell => tell.inProgress(0, "t1")],
    ["S2", tell => [held(tell), tell.inProgress(1, "t1")]],
    ["S2", tell => [held(tell), tell.claimed(1, "t1", 2, "t1")]],
    ["S3", tell => [held(tell), tell.complete(1, "t1"), tell.completed(60_001, "t2", '"sent"')]],
    ["S3", tell => [held(tell), tell.read(61_000, { status: "uncertain" })]],
    ["S3", tell => [held(tell), tell.act(61_000, "renew", "t1")]],
    ["S4", tell => [held(tell), tell.uncertain(999, "t2")]],
    ["S4", tell => [held(tell), tell.claimed(1_000, "t2", 2, "t1")]],
    ["S4", tell => [held(tell), tell.claimed(1_000, "t2", 1, "t2", { rerun: true })]],
    [
      "S4",
      tell => [
        tell.claimed(0, "t1", 1, "t1", { fingerprint: "x" }),
        tell.claimed(1_000, "t2", 2, "t1", { rerun: true, fingerprint: "y" }),
      ],
    ],
    ["S5", tell => [held(tell), tell.complete(1, "t2")]],
    ["S5", tell => [held(tell), tell.act(1, "release", "t2")]],
    ["S5", tell => [held(tell), tell.act(1, "renew", "t1", false)]],
    ["S5", tell => [held(tell), tell.complete(1, "t1"), tell.complete(2, "t1", '"sent"', false)]],
    ["S6", tell => [held(tell), tell.act(1, "release", "t1"), tell.claimed(2, "t2")]],
    [
      "S6",
      tell => [
        tell.claimed(0, "t1", 1, "t1", { fingerprint: "x" }),
        tell.act(1, "release", "t1"),
        tell.claimed(2, "t2", 2, "t1", { fingerprint: "y" }),
      ],
    ],
    ["S7", tell => [held(tell), tell.complete(1, "t1"), tell.inProgress(60_000, "t2")]],
    [
      "S7",
      tell => [
        held(tell),
        tell.complete(1, "t1"),
        tell.complete(2, "t1", '"2"'),
        tell.completed(3, "t2", '"2"'),
      ],
    ],
    ["S8", tell => [held(tell), tell.claimed(1_000, "t2")]],
    ["S8", tell => [held(tell), tell.read(1_000, undefined)]],
    ["S9", tell => [held(tell), tell.complete(1, "t1"), tell.completed(2, "t2", '"sen"')]],
    ["S10", tell => tell.left(HOUR, 1)],
    ["S1", tell => tell.took(0, "t1", 1, true)],
    ["S2", tell => [tell.took(0, "t1", 1, false), tell.took(1, "t1", 1, true)]],
    [
      "S2",
      tell => [
        held(tell),
        tell.took(1_000, "t2", 2, true, { rerun: true }),
        tell.took(1_001, "t2", 2, false, { rerun: true }),
      ],
    ],
    ["S4", tell => [held(tell), tell.took(1_000, "t2", 2, false, { rerun: true })]],
    ["S6", tell => [held(tell), tell.act(1, "release", "t1"), tell.took(2, "t2", 2, true)]],
    ["S8", tell => [held(tell), tell.forgetSeen(1, { runId: "t1", attempt: 1 }, false)]],
    ["S11", tell => [held(tell), tell.forgetSeen(1, { runId: "t0", attempt: 1 })]],
    ["S11", tell => [held(tell), tell.forgetSeen(1, { runId: "t1", attempt: 2 })]],
    [
      "S11",
      tell => [
        held(tell),
        tell.claimed(1_000, "t2", 2, "t1", { rerun: true }),
        tell.settleSeen(2_000, { runId: "t1", attempt: 1 }),
      ],
    ],
    [
      "S11",
      tell => [
        held(tell),
        tell.settleSeen(1_000, { runId: "t1", attempt: 1 }),
        tell.settleSeen(1_001, { runId: "t1", attempt: 1 }, `"lost"`),
      ],
    ],
  ];

  it("and none where what was seen is kept to", () => {
    const seen = { runId: "t1", attempt: 1 };
    const kept = (tell: Storyteller) => {
      tell.took(0, "t1", 1, false);
      tell.took(1, "t1", 1, false);
      tell.settleSeen(1_001, seen);
      tell.settleSeen(2_000, seen);
      tell.forgetSeen(3_000, { runId: "t1", attempt: 2 }, false);
      tell.forgetSeen(3_001, seen);
      tell.forgetSeen(3_002, seen);
      tell.took(3_003, "t1", 1, false);
      tell.took(5_000, "t2", 2, true, { rerun: true });
      tell.took(5_001, "t2", 2, true);
      tell.settleSeen(7_000, seen, `"found"`, false);
      tell.settleSeen(7_001, { runId: "t1", attempt: 2 });
      tell.completed(7_002, "t3", `"found"`);
    };
    expect(broken(kept).filter(found => found.startsWith("S"))).toEqual([]);
  });

  it.each(bad)("%s", (clause, tale) => {
    expect(broken(tell => void tale(tell)).filter(found => found.startsWith(`${clause}: `))).not.toEqual([]);
  });

  it("but not where nobody can know: an answer was lost, or two operations overlapped", () => {
    const lost = (tell: Storyteller) => {
      held(tell);
      tell.act(1, "release", "t1", undefined, { answer: undefined, heard: false });
      tell.claimed(2, "t2", 2, "t1");
      tell.act(3, "release", "t2");
    };
    const overlapping = (tell: Storyteller) => {
      tell.claimed(50, "t1", 1, "t1", {}, { sent: 0 });
      tell.act(60, "release", "t1");
      tell.claimed(70, "t2", 2, "t1", {}, { sent: 20 });
      tell.act(71, "release", "t2");
    };
    expect(broken(lost)).toEqual([]);
    expect(broken(overlapping)).toEqual([]);
  });

  const clausesBroken = (tale: (tell: Storyteller) => void) =>
    broken(tale).filter(found => /^S\d/.test(found));
  /** What goes on when nobody knows any more who has the key. */
  const lostTrack = (tell: Storyteller) => {
    held(tell);
    tell.act(1, "release", "t1", undefined, { answer: undefined, heard: false });
  };

  it("but not where too little is known of the record: its ttl, its attempt, its fingerprint, its outcome", () => {
    const good: ((tell: Storyteller) => void)[] = [
      // A release says nothing of how long it is kept, nor of whose turn it is.
      tell => [
        tell.add({
          type: "store",
          at: 1,
          sent: 1,
          process: "p1",
          operation: "release",
          key: "k",
          token: "t0",
        }),
        tell.act(2, "release", "t0"),
        tell.claimed(3, "t2", 7, "t-1"),
      ],
      // It may have been completed before, with another outcome and longer ago.
      tell => [
        held(tell),
        tell.act(1, "complete", "t1", undefined, { answer: undefined, heard: false, outcome: '"1"' }),
        tell.complete(500, "t1", '"2"'),
        tell.completed(600, "t2", '"1"'),
        tell.claimed(60_200, "t3"),
      ],
      // It may have a fingerprint by which it is not taken over.
      tell => [
        tell.act(1, "release", "t0", undefined, { answer: undefined, heard: false }),
        tell.claimed(2, "t1", 2, "t0"),
        tell.claim(
          1_500,
          "t2",
          { status: "uncertain", attempt: 2, fingerprint: "x", retryAfterMs: 1 },
          { rerun: true, fingerprint: "y" },
        ),
      ],
      // Who renews holds, and is kept by the ttl that it claimed with.
      tell => [lostTrack(tell), tell.act(500, "renew", "t1"), tell.uncertain(1_600, "t2")],
    ];
    for (const tale of good) expect(clausesBroken(tell => void tale(tell))).toEqual([]);
  });

  it("and where enough is known of it again", () => {
    const bad: [clause: string, tale: (tell: Storyteller) => void][] = [
      ["S4", tell => [lostTrack(tell), tell.act(500, "renew", "t1"), tell.claimed(1_600, "t2", 2, "t1")]],
      ["S5", tell => [lostTrack(tell), tell.act(500, "renew", "t1"), tell.act(600, "release", "t2")]],
      ["S8", tell => [lostTrack(tell), tell.act(500, "renew", "t1"), tell.read(600, undefined)]],
      ["S6", tell => [lostTrack(tell), tell.act(2, "release", "t1"), tell.inProgress(3, "t2")]],
      ["S3", tell => [lostTrack(tell), tell.complete(2, "t1"), tell.completed(60_003, "t2", '"sent"')]],
      ["S7", tell => [lostTrack(tell), tell.complete(2, "t1"), tell.inProgress(59_000, "t2")]],
    ];
    for (const [clause, tale] of bad) {
      const found = broken(tell => void tale(tell)).filter(each => each.startsWith(`${clause}: `));
      expect([clause, found.length > 0]).toEqual([clause, true]);
    }
  });

  it("whichever of two operations at the same time ended first, but only where one of them may have changed something", () => {
    // The release ends last, and was done first.
    const around = (tell: Storyteller) => {
      held(tell);
      tell.claimed(50, "t2", 2, "t1", {}, { sent: 40 });
      tell.act(90, "release", "t1", true, { sent: 10 });
      tell.inProgress(100, "t3", 2);
    };
    const asked = (tell: Storyteller) => {
      held(tell);
      tell.inProgress(50, "t2");
      tell.act(90, "release", "t2", true, { sent: 10 });
    };
    const besides = (tell: Storyteller) => {
      held(tell);
      tell.claim(50, "t2", { status: "in-progress", attempt: 1, retryAfterMs: 1 }, {}, { sent: 45 });
      tell.act(90, "renew", "t1", false, { sent: 10 });
    };
    expect(clausesBroken(around)).toEqual([]);
    for (const tale of [asked, besides]) expect(broken(tale)).toContainEqual(expect.stringMatching(/^S5: /));
  });

  it("but not where the store said that it dropped the record", () => {
    const evicted = (tell: Storyteller) => {
      tell.send1(0, "a", "t1");
      tell.add({ type: "evicted", at: 50, process: "store", key: "k" });
      tell.read(100, undefined);
    };
    expect(broken(evicted).filter(found => found.startsWith("S8"))).toEqual([]);
  });
});

it("histories of several processes are read as lines of JSON and put in order, but for a line that a crash cut", () => {
  const dir = mkdtempSync(join(tmpdir(), "history-"));
  const [one, two] = [join(dir, "1"), join(dir, "2")];
  const crash = (at: number) => JSON.stringify({ type: "crash", at, process: "p1" });
  writeFileSync(one, `${crash(1)}\n${crash(3)}\n${crash(4).slice(0, 9)}`);
  writeFileSync(two, `${crash(2)}\n`);
  expect(readHistories([one, two]).map(({ at }) => at)).toEqual([1, 2, 3]);
  rmSync(dir, { recursive: true });
});
