import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withIdempotency } from "../../src/index.ts";
import { deferred, rejection, turn } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a copy of the package in the same process", () => {
  it("has the same default store, and shares its runs", async () => {
    const work = deferred<{ id: number }>();
    const fn = vi.fn(() => work.promise);
    const first = withIdempotency("shared by copies", "1h", fn);
    vi.resetModules();
    const copy = await import("../../src/index.ts");
    expect(copy.withIdempotency).not.toBe(withIdempotency);
    const second = copy.withIdempotency("shared by copies", "1h", fn);
    const third = copy.createIdempotency().execute("shared by copies", "1h", fn);
    const refused = rejection(copy.withIdempotency("shared by copies", "1h", fn, { onConflict: "reject" }));
    const error = await refused;
    expect(copy.isIdempotencyError(error, "IN_PROGRESS")).toBe(true);
    await turn();
    work.resolve({ id: 7 });
    expect(await Promise.all([first, second])).toEqual([{ id: 7 }, { id: 7 }]);
    expect(await third).toMatchObject({ value: { id: 7 }, replayed: true });
    expect(await copy.withIdempotency("shared by copies", "1h", fn)).toEqual({ id: 7 });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it("knows the errors of the other, though instanceof does not", async () => {
    vi.resetModules();
    const copy = await import("../../src/index.ts");
    const { isIdempotencyError, IdempotencyError } = await import("../../src/index.ts");
    const error = await rejection(withIdempotency("", "1h", () => 1));
    expect(error).not.toBeInstanceOf(copy.IdempotencyError);
    expect(isIdempotencyError(error, "INVALID_KEY")).toBe(true);
    expect(isIdempotencyError(error, "STORE_ERROR")).toBe(false);
    expect(isIdempotencyError(error)).toBe(true);
    expect(isIdempotencyError(Object.assign(new Error("x"), { code: "INVALID_KEY" }))).toBe(false);
    expect(IdempotencyError).toBe(copy.IdempotencyError);
  });
});
