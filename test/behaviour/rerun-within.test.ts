import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createIdempotency, memoryStore, type Options } from "../../src/index.ts";
import { faultyStore, gate } from "../../src/testing.ts";
import { pass, processes, recorder, rejection, turn } from "../support/calls.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const within = (rerunWithin: "10s" | "1h"): Options => ({ onUncertain: { rerunWithin } });
const hold: Options = { onError: () => "hold" };
const fail = () => {
  throw new Error("no");
};

/** An instance with a key whose outcome is unknown, and its `idempotencyKey`. */
async function uncertain() {
  const { onEvent, of } = recorder();
  const instance = createIdempotency({ store: memoryStore(), onEvent });
  let first = "";
  await rejection(
    instance.execute(
      "k",
      "1h",
      ({ idempotencyKey }) => {
        first = idempotencyKey;
        return fail();
      },
      hold,
    ),
  );
  return { ...instance, of, first };
}

/** An instance that reruns a key whose outcome is unknown, by a claim that is slow. */
function slow(kind: "delay-request" | "delay-reply") {
  const memory = memoryStore();
  memory.claim("k", { token: "dead", ttlMs: 3_600_000, leaseMs: 0 });
  const claim = gate();
  const store = faultyStore(memory, [{ operation: "claim", kind, by: claim }]);
  const { execute } = createIdempotency({ store, storeTimeout: "2s", ...within("1h") });
  return { memory, execute, claim };
}

describe("rerunWithin", () => {
  it("reruns an uncertain key while its window is younger, for its provider knows the first send", async () => {
    const { execute, of, first } = await uncertain();
    await pass(9_999);
    const outcome = await execute("k", "1h", ({ idempotencyKey }) => idempotencyKey, within("10s"));
    expect(outcome).toMatchObject({ value: first, attempt: 2, replayed: false });
    expect(of("claimed").at(-1)).toMatchObject({ takeover: true, attempt: 2, idempotencyKey: first });
  });

  it("says OUTCOME_UNKNOWN from then on", async () => {
    const { execute } = await uncertain();
    await pass(10_000);
    const fn = vi.fn();
    expect(await rejection(execute("k", "1h", fn, within("10s")))).toMatchObject({
      code: "OUTCOME_UNKNOWN",
      attempt: 1,
    });
    expect(fn).not.toHaveBeenCalled();
    expect(await execute("k", "1h", () => "sent", within("1h"))).toMatchObject({ value: "sent" });
  });

  it("counts from the window's first claim, whatever came after: a release, a takeover, a reopening", async () => {
    const { execute, reopen } = createIdempotency({ store: memoryStore() });
    await rejection(execute("k", "1h", fail));
    await pass(4_000);
    await rejection(execute("k", "1h", fail, hold));
    await pass(4_000);
    await rejection(execute("k", "1h", fail, within("10s")));
    await reopen("k");
    await rejection(execute("k", "1h", fail, hold));
    await pass(2_000);
    expect(await rejection(execute("k", "1h", fail, within("10s")))).toMatchObject({
      code: "OUTCOME_UNKNOWN",
      attempt: 4,
    });
  });

  it("counts anew in a new window", async () => {
    const { execute, forget } = await uncertain();
    await pass(10_000);
    await forget("k");
    await rejection(execute("k", "1h", fail, hold));
    expect(await execute("k", "1h", () => "sent", within("10s"))).toMatchObject({ attempt: 2 });
  });

  it("does not rerun with another fingerprint", async () => {
    const { execute } = createIdempotency({ store: memoryStore(), ...within("1h") });
    await rejection(execute("k", "1h", fail, { ...hold, fingerprint: "a" }));
    expect(await rejection(execute("k", "1h", fail, { fingerprint: "b" }))).toMatchObject({
      code: "KEY_REUSED",
    });
  });

  it("settles nothing by failing, nor by a result that releases (P2)", async () => {
    const { execute, inspect } = await uncertain();
    await rejection(execute("k", "1h", fail, within("1h")));
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 2 });
    await execute("k", "1h", () => 500, { ...within("1h"), onResult: () => "release" });
    expect(await inspect("k")).toMatchObject({ state: "uncertain", attempt: 3 });
  });

  it("holds what a run without a claim may have taken over (P2)", async () => {
    const { memory, execute, claim } = slow("delay-request");
    const unprotected = rejection(execute("k", "1h", fail, { onStoreError: "run" }));
    await pass(3_000);
    await unprotected;
    claim.open();
    await turn();
    expect(memory.read("k")).toMatchObject({ status: "uncertain", attempt: 2 });
  });

  it("holds what a claim whose reply is lost may have taken over (P2)", async () => {
    const { memory, execute } = slow("delay-reply");
    const refused = rejection(execute("k", "1h", fail));
    await pass(3_000);
    expect(await refused).toMatchObject({ code: "STORE_ERROR" });
    expect(memory.read("k")).toMatchObject({ status: "uncertain", attempt: 2 });
  });

  it("does not run when the run that it waited for has gone unseen, for nobody knows when that began (P2)", async () => {
    const memory = memoryStore();
    const [a, b] = processes(2, { memory });
    void createIdempotency({ store: a! }).execute("k", "1h", () => new Promise(() => {}));
    await turn();
    const fn = vi.fn();
    const waiting = rejection(createIdempotency({ store: b!, ...within("1h") }).execute("k", "1h", fn));
    await turn();
    memory.forget("k");
    await pass(1_000);
    expect(await waiting).toMatchObject({ code: "OUTCOME_UNKNOWN", attempt: 1 });
    expect(fn).not.toHaveBeenCalled();
  });

  it("is asked of the store with each claim, and of none without it", async () => {
    const store = faultyStore(memoryStore());
    const { execute } = createIdempotency({ store });
    await execute("a", "1h", () => 1, within("10s"));
    await execute("b", "1h", () => 1, { onUncertain: "rerun" });
    const [first, second] = store.calls.filter(({ operation }) => operation === "claim");
    expect(first!.args[1]).toMatchObject({ rerun: false, rerunWithinMs: 10_000 });
    expect(second!.args[1]).not.toHaveProperty("rerunWithinMs");
  });

  it("of an instance gives way to the option of a call, and the other way round", async () => {
    const bound = createIdempotency({ store: memoryStore(), ...within("1h") });
    await rejection(bound.execute("k", "1h", fail, hold));
    const refused = bound.execute("k", "1h", fail, { onUncertain: "reject" });
    expect(await rejection(refused)).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(await bound.execute("k", "1h", () => 1)).toMatchObject({ attempt: 2 });
  });
});
