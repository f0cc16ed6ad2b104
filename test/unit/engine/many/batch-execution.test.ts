import { expect, it } from "vitest";
import type { Run } from "../../../../src/engine/call.ts";
import { batchExecution } from "../../../../src/engine/many/batch-execution.ts";
import { uuidOf } from "../../../../src/util/uuid.ts";

/** What a batch sees of a run. */
function run(key: string, attempt = 1) {
  const controller = new AbortController();
  const { signal } = controller;
  const of = { call: { key }, execution: { attempt, idempotencyKey: `of ${key}`, signal } };
  return { of: of as unknown as Run, abort: (reason: unknown) => controller.abort(reason) };
}

it("shows the items of its batch in their order", () => {
  const execution = batchExecution([run("a").of, run("b", 3).of]);
  expect(execution.keys).toEqual(["a", "b"]);
  expect(execution.attempts).toEqual([1, 3]);
  expect(execution.idempotencyKeys).toEqual(["of a", "of b"]);
});

it("has a key of its own, of those of its items in their order (B5)", () => {
  const [a, b] = [run("a").of, run("b").of];
  const execution = batchExecution([a, b]);
  expect(execution.idempotencyKey).toBe(batchExecution([a, b]).idempotencyKey);
  const others = [[b, a], [a], [a, b, a]].map(runs => batchExecution(runs).idempotencyKey);
  expect(new Set([execution.idempotencyKey, ...others]).size).toBe(4);
  expect(execution.idempotencyUuid).toBe(uuidOf(execution.idempotencyKey));
});

it("makes each of them once", () => {
  const execution = batchExecution([run("a").of]);
  expect(execution.idempotencyKeys).toBe(execution.idempotencyKeys);
  expect(execution.signal).toBe(execution.signal);
});

it("aborts with the last of its runs, for that one's reason (B4)", () => {
  const runs = [run("a"), run("b")];
  const { signal } = batchExecution(runs.map(({ of }) => of));
  runs[1]!.abort("first");
  runs[1]!.abort("again");
  expect(signal.aborted).toBe(false);
  runs[0]!.abort("last");
  expect(signal.reason).toBe("last");
});

it("counts the runs that have aborted before anybody looks", () => {
  const runs = [run("a"), run("b")];
  runs[0]!.abort("before");
  const { signal } = batchExecution(runs.map(({ of }) => of));
  expect(signal.aborted).toBe(false);
  runs[1]!.abort("after");
  expect(signal.reason).toBe("after");
  const [over] = [run("c")];
  over.abort("long ago");
  expect(batchExecution([over.of]).signal.reason).toBe("long ago");
});
