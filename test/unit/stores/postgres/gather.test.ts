import { afterEach, expect, it, vi } from "vitest";
import { gathered } from "../../../../src/stores/postgres/gather.ts";

afterEach(() => {
  vi.useRealTimers();
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Promise.resolve();
}

it("waits for company by real time, so that fake timers that never ring leave nobody waiting", async () => {
  const answers: (() => void)[] = [];
  const ask = vi.fn(
    () =>
      new Promise<readonly unknown[]>(resolve => {
        answers.push(() => resolve(["row"]));
      }),
  );
  const claims = gathered(ask, async (_operation, items) => items.map(() => undefined));
  const claim = (key: string) => claims("claim", { key });
  vi.useFakeTimers();
  const a = claim("a");
  await until(() => ask.mock.calls.length === 1);
  const b = claim("b");
  await until(() => ask.mock.calls.length === 2);
  const c = claim("c");
  for (let turns = 0; turns < 50; turns++) await Promise.resolve();
  expect(ask).toHaveBeenCalledTimes(2);
  for (const answer of answers.splice(0)) answer();
  await until(() => ask.mock.calls.length === 3);
  for (const answer of answers.splice(0)) answer();
  await Promise.all([a, b, c]);
  vi.useRealTimers();
  // Two whose statements are stuck: the third is sent beside them all the same.
  for (const [n, key] of ["d", "e"].entries()) {
    void claim(key);
    await until(() => ask.mock.calls.length === 4 + n);
  }
  void claim("f");
  await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(6));
});
