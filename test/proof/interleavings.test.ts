import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createIdempotency, type IdempotencyStore, memoryStore, type Outcome } from "../../src/index.ts";
import { rejection } from "../support/calls.ts";

const OPERATIONS = ["claim", "renew", "complete", "release", "read", "settle", "reopen", "forget"] as const;

/** A process's way to a store, whose requests and replies come in the order that the scheduler chooses. */
function scheduled(store: IdempotencyStore, scheduler: fc.Scheduler, name: string): IdempotencyStore {
  const operations = OPERATIONS.map(operation => {
    const ask = store[operation].bind(store) as (...args: unknown[]) => unknown;
    const answer = async (...args: unknown[]) => {
      await scheduler.schedule(Promise.resolve(), `${name} ${operation} request`);
      const reply = ask(...args);
      await scheduler.schedule(Promise.resolve(), `${name} ${operation} reply`);
      return reply;
    };
    return [operation, answer];
  });
  return Object.fromEntries(operations) as unknown as IdempotencyStore;
}

interface Plan {
  process: number;
  fails: boolean;
}

const plans = fc.array(fc.record({ process: fc.nat(2), fails: fc.boolean() }), {
  minLength: 2,
  maxLength: 8,
});

describe("in every order of requests, replies and runs", () => {
  /** Lets calls of several processes go their way, and gives what came of each, with a log of the runs. */
  async function play(scheduler: fc.Scheduler, calls: readonly Plan[], options = {}) {
    const memory = memoryStore();
    const instances = [0, 1, 2].map(process =>
      createIdempotency({ store: scheduled(memory, scheduler, `process ${process}`), ...options }),
    );
    const log = { running: 0, most: 0, completed: 0, attempts: [] as number[], keys: new Set<string>() };
    const own = new Error("fn's own");
    const one = ({ process, fails }: Plan, index: number) =>
      instances[process]!.execute("k", "1h", async ({ attempt, idempotencyKey }) => {
        log.most = Math.max(log.most, ++log.running);
        log.attempts.push(attempt);
        log.keys.add(idempotencyKey);
        await scheduler.schedule(Promise.resolve(), `run of call ${index}`);
        log.running--;
        if (fails) throw own;
        log.completed++;
        return { by: index, tags: [] as string[] };
      });
    const ends = Promise.allSettled(calls.map(one));
    // Polls come by timers, which the scheduler does not know of: it goes on as they bring work.
    let over = false;
    void ends.then(() => {
      over = true;
    });
    for (let turns = 0; !over && turns < 2_000; turns++) {
      if (scheduler.count() > 0) await scheduler.waitOne();
      else await vi.advanceTimersByTimeAsync(20);
    }
    return { ...log, own, ends: await ends, memory };
  }

  async function withFakeTimers(body: () => Promise<void>): Promise<void> {
    vi.useFakeTimers();
    try {
      await body();
    } finally {
      vi.useRealTimers();
    }
  }

  type Value = { by: number; tags: string[] };
  const values = (ends: PromiseSettledResult<Outcome<Value>>[]) =>
    ends.flatMap(end => (end.status === "fulfilled" ? [end.value] : []));

  it("one run at a time completes, once, and each call gets its result or the error it shared", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plans, (scheduler, calls) =>
        withFakeTimers(async () => {
          const { ends, most, completed, attempts, keys, own } = await play(scheduler, calls);
          expect(most).toBe(1);
          expect(completed).toBeLessThanOrEqual(1);
          expect(attempts).toEqual(attempts.map((_, index) => index + 1));
          expect(keys.size).toBe(1);
          const outcomes = values(ends);
          expect(new Set(outcomes.map(({ value }) => value.by)).size).toBeLessThanOrEqual(1);
          expect(new Set(outcomes.map(({ value }) => value)).size).toBe(outcomes.length);
          expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(completed);
          for (const end of ends) if (end.status === "rejected") expect(end.reason).toBe(own);
        }),
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("calls that do not wait are refused or get the result, and nothing runs twice", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plans, (scheduler, calls) =>
        withFakeTimers(async () => {
          const { ends, most, completed, own } = await play(scheduler, calls, { onConflict: "reject" });
          expect(most).toBe(1);
          expect(completed).toBeLessThanOrEqual(1);
          for (const end of ends) {
            if (end.status === "rejected" && end.reason !== own) {
              expect(end.reason).toMatchObject({ code: "IN_PROGRESS" });
            }
          }
          expect(values(ends).filter(({ replayed }) => !replayed)).toHaveLength(completed);
        }),
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("an abort of any call harms none of the others", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(4), (scheduler, aborted) =>
        withFakeTimers(async () => {
          const memory = memoryStore();
          const store = scheduled(memory, scheduler, "process");
          const { execute } = createIdempotency({ store });
          const controller = new AbortController();
          let runs = 0;
          const calls = [0, 1, 2, 3, 4].map(index =>
            execute(
              "k",
              "1h",
              async () => {
                runs++;
                await scheduler.schedule(Promise.resolve(), `run of call ${index}`);
                return "sent";
              },
              index === aborted ? { signal: controller.signal } : {},
            ),
          );
          const left = rejection(calls[aborted]!.then(() => Promise.reject("in time")));
          void scheduler.schedule(Promise.resolve(), "abort").then(() => controller.abort("left"));
          await scheduler.waitFor(Promise.allSettled(calls));
          expect(["left", "in time"]).toContain(await left);
          const others = calls.filter((_, index) => index !== aborted);
          for (const call of others) expect(await call).toMatchObject({ value: "sent" });
          expect(runs).toBe(1);
          expect(memory.read("k")).toMatchObject({ status: "completed" });
        }),
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
