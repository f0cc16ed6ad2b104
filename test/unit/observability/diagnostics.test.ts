import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, expect, it } from "vitest";
import { createIdempotency, fingerprint, memoryStore } from "../../../src/index.ts";
import { publishEvent, publishEviction } from "../../../src/observability/diagnostics.ts";
import { recorder } from "../../support/calls.ts";

const undo: (() => void)[] = [];

afterEach(() => {
  for (const act of undo.splice(0)) act();
});

function messages(name: string): unknown[] {
  const heard: unknown[] = [];
  const hear = (message: unknown) => void heard.push(message);
  subscribe(name, hear);
  undo.push(() => unsubscribe(name, hear));
  return heard;
}

it("publishes what a listener would get", async () => {
  const published = messages("with-idempotency:event");
  const { execute } = createIdempotency({ store: memoryStore(), onEvent: publishEvent, redactKeys: true });
  await execute("k", "1m", () => 1);
  await execute("k", "1m", () => 2);
  expect(published).toMatchObject([
    { type: "claimed", key: fingerprint("k"), attempt: 1, durationMs: expect.any(Number) },
    { type: "completed", key: fingerprint("k") },
    { type: "replayed", key: fingerprint("k") },
  ]);
});

it("has subscribers while somebody subscribes, so that an event is made for them only", () => {
  expect(publishEvent.hasSubscribers).toBe(false);
  messages("with-idempotency:event");
  expect(publishEvent.hasSubscribers).toBe(true);
  undo.pop()!();
  expect(publishEvent.hasSubscribers).toBe(false);
});

it("makes no event without a subscriber, and publishes again to the next one", async () => {
  const { events, onEvent } = recorder();
  const listener = Object.defineProperty(onEvent, "hasSubscribers", {
    get: () => publishEvent.hasSubscribers,
  });
  const { execute } = createIdempotency({ store: memoryStore(), onEvent: listener });
  await execute("a", "1m", () => 1);
  expect(events).toEqual([]);
  messages("with-idempotency:event");
  await execute("b", "1m", () => 1);
  expect(events).toMatchObject([
    { type: "claimed", key: "b" },
    { type: "completed", key: "b" },
  ]);
});

it("publishes each key that a full store evicts", async () => {
  const store = memoryStore({ maxEntries: 1, onEvict: publishEviction });
  const { execute } = createIdempotency({ store });
  await execute("a", "1m", () => 1);
  await execute("b", "1m", () => 1);
  const published = messages("with-idempotency:eviction");
  await execute("c", "1m", () => 1);
  expect(published).toEqual([{ key: "b" }]);
  expect(channel("with-idempotency:event").hasSubscribers).toBe(false);
});
