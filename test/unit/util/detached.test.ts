import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import { detached } from "../../../src/util/detached.ts";

const context = new AsyncLocalStorage<string>();

const seen = () => new Promise<string | undefined>(resolve => detached(() => resolve(context.getStore())));

it("runs in no call's context, time after time", async () => {
  for (const name of ["first", "second"]) {
    expect(await context.run(name, seen)).toBeUndefined();
  }
});

it("runs all that is asked for at once, in order, and what those ask for in turn", async () => {
  const order: number[] = [];
  await context.run("caller", () => {
    detached(() => order.push(1));
    detached(() => {
      order.push(2);
      detached(() => order.push(3));
    });
    return seen();
  });
  await seen();
  expect(order).toEqual([1, 2, 3]);
});

it("sets timers in no call's context", async () => {
  const store = await context.run(
    "caller",
    () => new Promise(resolve => detached(() => setTimeout(() => resolve(context.getStore() ?? "none"), 1))),
  );
  expect(store).toBe("none");
});
