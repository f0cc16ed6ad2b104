import { expect, it, vi } from "vitest";
import { notify } from "../../../src/util/notify.ts";

it("calls the listener, at once", () => {
  const listener = vi.fn();
  notify(listener, "evicted");
  expect(listener.mock.calls).toEqual([["evicted"]]);
});

it("lets nothing of a failing listener through", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const failing: (() => unknown)[] = [
    () => {
      throw new Error("oh");
    },
    () => Promise.reject(new Error("oh")),
    () => ({
      get then(): never {
        throw new Error("oh");
      },
    }),
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error("oh")) }),
  ];
  for (const listener of failing) expect(() => notify(listener, 1)).not.toThrow();
  await new Promise(setImmediate);
  process.removeListener("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});
