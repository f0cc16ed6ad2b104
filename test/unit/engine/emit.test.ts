import { describe, expect, it, vi } from "vitest";
import type { IdempotencyEvent, IdempotencyListener } from "../../../src/contract/events.ts";
import { fingerprint } from "../../../src/contract/fingerprint.ts";
import type { Settings } from "../../../src/contract/options.ts";
import { type Emit, emitter } from "../../../src/engine/emit.ts";

const KEY = "order:42";

function settings(onEvent: IdempotencyListener | undefined, redactKeys = false): Settings {
  return { onEvent, redactKeys } as Settings;
}

/** What a listener hears of one event. */
function heard(details: Parameters<Emit>[0], redactKeys = false, namespace?: string): IdempotencyEvent {
  const onEvent = vi.fn<IdempotencyListener>();
  emitter(KEY, namespace, settings(onEvent, redactKeys))!(details);
  expect(onEvent).toHaveBeenCalledOnce();
  return onEvent.mock.calls[0]![0];
}

const failedWith = (error: unknown) => ({ type: "store-error", operation: "claim", error }) as const;

it("is nothing where nobody listens", () => {
  expect(emitter(KEY, undefined, settings(undefined))).toBeUndefined();
  const channel = (hasSubscribers: boolean) => Object.assign(() => {}, { hasSubscribers });
  expect(emitter(KEY, undefined, settings(channel(false)))).toBeUndefined();
  expect(emitter(KEY, undefined, settings(channel(true)))).toBeTypeOf("function");
});

describe("an event", () => {
  it("has its key, the time since the call began, and its namespace if there is one", () => {
    const durationMs = expect.any(Number);
    expect(heard({ type: "joined" })).toStrictEqual({ type: "joined", key: KEY, durationMs });
    const within = heard({ type: "joined" }, false, "shop");
    expect(within).toStrictEqual({ type: "joined", key: KEY, namespace: "shop", durationMs });
    expect(within.durationMs).toBeGreaterThanOrEqual(0);
  });

  it("has a fingerprint in place of the key where keys are redacted", () => {
    expect(heard({ type: "joined" }, true).key).toBe(fingerprint(KEY));
  });

  it("of a listener that throws ends nothing", () => {
    const emit = emitter(
      KEY,
      undefined,
      settings(() => {
        throw new Error("oh");
      }),
    );
    expect(() => emit!({ type: "joined" })).not.toThrow();
  });
});

describe("an event with an error", () => {
  const error = Object.assign(new RangeError("too far"), { code: "E_FAR", request: { secret: 1 } });

  it("has the error itself", () => {
    expect(heard(failedWith(error))).toMatchObject({ error });
  });

  it("has no more of it than its name and code where keys are redacted", () => {
    const { error: shown } = heard(failedWith(error), true) as { error?: unknown };
    expect(shown).toStrictEqual({ name: "RangeError", code: "E_FAR" });
  });

  it.each<[string, unknown, object]>([
    ["an error", error, { name: "RangeError", code: "E_FAR", message: "too far" }],
    [
      "one with a number for a code",
      { name: "Odd", code: 7, message: "m" },
      { name: "Odd", code: 7, message: "m" },
    ],
    ["one whose code is no code", { name: "Odd", code: Number.NaN, message: {} }, { name: "Odd" }],
    ["one without a message", { name: "Odd" }, { name: "Odd" }],
    ["no error", "a text", {}],
    ["nothing", undefined, {}],
    [
      "one that cannot be read",
      {
        get name() {
          throw new Error("not for you");
        },
      },
      {},
    ],
  ])("is shown as JSON by name, code and message: %s", (_what, thrown, shown) => {
    const json = JSON.parse(JSON.stringify(heard(failedWith(thrown)))) as Record<string, unknown>;
    expect(json).toStrictEqual({
      type: "store-error",
      operation: "claim",
      key: KEY,
      durationMs: expect.any(Number),
      error: shown,
    });
  });

  it("is read as JSON by nothing that lists its properties", () => {
    expect(Object.keys(heard(failedWith(error)))).toEqual([
      "type",
      "operation",
      "error",
      "key",
      "durationMs",
    ]);
    expect(heard({ type: "joined" })).not.toHaveProperty("toJSON");
  });
});
