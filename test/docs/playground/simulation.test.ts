import { describe, expect, it } from "vitest";
import { explain } from "../../../docs/.vitepress/theme/playground/explain.ts";
import {
  type Choices,
  DEFAULT_SCENARIO,
  effective,
  FAULTS,
  type FaultName,
  type KeyForm,
  type Scenario,
} from "../../../docs/.vitepress/theme/playground/scenario.ts";
import {
  createSimulation,
  runScenario,
  type Snapshot,
} from "../../../docs/.vitepress/theme/playground/simulation.ts";
import type { WorkerName } from "../../../docs/.vitepress/theme/playground/trace.ts";

function scenario(fault: FaultName, choices: Partial<Choices> = {}, form: Partial<KeyForm> = {}): Scenario {
  return {
    fault,
    form: { ...DEFAULT_SCENARIO.form, ...form },
    choices: { ...DEFAULT_SCENARIO.choices, ...choices },
  };
}

/** What `onEvent` said of a worker's calls, in order. */
function eventsOf({ trace }: Snapshot, worker: WorkerName): string[] {
  return trace.flatMap(entry => {
    if (entry.type !== "event" || entry.worker !== worker) return [];
    const { event } = entry;
    if (event.type === "refused") return [`refused ${event.code}`];
    if (event.type === "claimed") return [`claimed ${event.attempt}${event.takeover ? " takeover" : ""}`];
    if (event.type === "completed" && event.policy) return [`completed, ${event.policy}`];
    if (event.type === "failed") return [`failed, ${event.policy}`];
    return [event.type];
  });
}

const counts = ({ mailboxes }: Snapshot) => [mailboxes.with.length, mailboxes.without.length];

/** The states that the store had of the only key. */
const statesOf = ({ trace }: Snapshot) =>
  trace
    .flatMap(entry => (entry.type === "key" ? [entry.state as string] : []))
    .filter((state, index, all) => state !== all[index - 1]);

interface Expected {
  emails: [number, number];
  a: string[];
  b: string[];
}

const ONE_EACH = ["claimed 1", "claimed 1", "claimed 1", "claimed 1"];

const EXPECTED: Record<FaultName, Expected> = {
  "ack-lost": { emails: [1, 2], a: ["claimed 1", "completed"], b: ["replayed"] },
  cut: { emails: [1, 2], a: ["claimed 1", "failed, hold"], b: ["refused OUTCOME_UNKNOWN"] },
  killed: { emails: [1, 2], a: ["claimed 1"], b: ["waiting", "refused OUTCOME_UNKNOWN"] },
  slow: { emails: [1, 2], a: ["claimed 1", "completed"], b: ["waiting", "replayed"] },
  twice: { emails: [1, 2], a: ["claimed 1", "completed"], b: ["waiting", "replayed"] },
  envelope: {
    emails: [1, 2],
    a: ["claimed 1", "completed, release", "replayed"],
    b: ["claimed 2", "completed"],
  },
  batch: {
    emails: [4, 7],
    a: [...ONE_EACH, "completed", "completed", "completed", "failed, release"],
    b: ["replayed", "replayed", "claimed 2", "replayed", "completed"],
  },
  "store-down": {
    emails: [1, 2],
    a: ["store-error", "refused STORE_ERROR", "store-error", "replayed"],
    b: ["claimed 1", "completed"],
  },
};

describe("each fault, by default", () => {
  it.each(FAULTS)("%s: the emails and the events of each worker", async fault => {
    const end = await runScenario(scenario(fault));
    const { emails, a, b } = EXPECTED[fault];
    expect(counts(end)).toEqual(emails);
    expect(eventsOf(end, "A")).toEqual(a);
    expect(eventsOf(end, "B")).toEqual(b);
    expect(end.isOver).toBe(true);
  });

  it.each(FAULTS)("%s: says so in words", async fault => {
    const end = await runScenario(scenario(fault));
    const { headline, ...words } = explain(scenario(fault), end);
    const [withIt, without] = EXPECTED[fault].emails;
    expect(headline).toContain(`${withIt} email`);
    expect(headline).toContain(`${without} without`);
    expect(words.verdicts).toEqual({ with: "once", without: "more" });
    expect(words.with).toMatch(/\.$/);
    expect(words.without).toMatch(/\.$/);
  });
});

describe("the choices", () => {
  it.each<[FaultName, Partial<Choices>, number, RegExp]>([
    ["killed", { onUncertain: "rerun" }, 2, /does not remember keys/],
    ["killed", { onUncertain: "rerun", providerRemembers: true }, 1, /the provider recognised it/],
    ["killed", { onUncertain: "rerunWithin" }, 2, /rerunWithin sent again/],
    ["killed", { killed: "before" }, 0, /this time it did not/],
    ["killed", { killed: "before", onUncertain: "rerun" }, 1, /had never arrived/],
    ["killed", { lease: 30, waitTimeout: 0 }, 1, /OUTCOME_UNKNOWN|gave up/],
    ["cut", { onUncertain: "rerun" }, 2, /does not remember keys/],
    ["cut", { onUncertain: "rerun", providerRemembers: true }, 1, /recognised/],
    ["cut", { onError: "release" }, 2, /onError: "release" freed the key/],
    ["cut", { onError: "store" }, 1, /REPLAYED_ERROR/],
    ["cut", { onError: "hold" }, 1, /OUTCOME_UNKNOWN/],
    ["slow", { onConflict: "reject" }, 1, /IN_PROGRESS/],
    ["slow", { waitTimeout: 0 }, 1, /IN_PROGRESS/],
    ["slow", { lease: 2 }, 1, /waited for it/],
    ["twice", { onConflict: "reject" }, 1, /IN_PROGRESS/],
    ["envelope", { onResult: "complete" }, 0, /every retry got the stored failure/],
    ["envelope", { onResult: "hold" }, 0, /onResult held the key/],
    ["envelope", { onResult: "hold", onUncertain: "rerun" }, 1, /had never arrived/],
    ["store-down", { onStoreError: "run" }, 2, /without a claim/],
    ["store-down", { storeTimeout: 10 }, 1, /replay|result|STORE_ERROR/],
  ])("%s with %j: %i emails with the wrapper, and why", async (fault, choices, emails, why) => {
    const chosen = scenario(fault, choices);
    const end = await runScenario(chosen);
    expect(counts(end)[0]).toBe(emails);
    expect(explain(chosen, end).with).toMatch(why);
    expect(end.isOver).toBe(true);
  });

  it("leave the key uncertain after a kill, released after an error that releases", async () => {
    expect(statesOf(await runScenario(scenario("killed")))).toEqual(["in-progress", "uncertain"]);
    expect(statesOf(await runScenario(scenario("envelope")))).toEqual([
      "in-progress",
      "released",
      "in-progress",
      "completed",
    ]);
  });

  it("hand the same idempotencyKey to the provider for each attempt of a window", async () => {
    const { mailboxes } = await runScenario(scenario("killed", { onUncertain: "rerun" }));
    const keys = mailboxes.with.map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(1);
    expect(mailboxes.without.map(({ idempotencyKey }) => idempotencyKey)).toEqual([undefined, undefined]);
  });

  it("count only where the fault shows them", () => {
    const all = { onUncertain: "rerun", onStoreError: "run", lease: 30 } as const;
    expect(effective(scenario("twice", all)).choices).toEqual(DEFAULT_SCENARIO.choices);
    expect(effective(scenario("killed", all)).choices).toMatchObject({ onUncertain: "rerun", lease: 30 });
    expect(effective(scenario("killed", all)).choices.onStoreError).toBe("throw");
  });
});

describe("the form", () => {
  it("sends again once the key's time is over", async () => {
    const short = scenario("ack-lost", {}, { time: 1, unit: "seconds" });
    const end = await runScenario(short);
    expect(counts(end)).toEqual([2, 2]);
    expect(eventsOf(end, "B")).toEqual(["claimed 1", "completed"]);
    expect(explain(short, end).with).toContain("1 seconds were over");
  });

  it("sends one email to four users whose key is one", async () => {
    const one = scenario("batch", {}, { key: "order-shipped:{{order.id}}" });
    const end = await runScenario(one);
    expect(counts(end)[0]).toBe(1);
    expect(explain(one, end)).toMatchObject({
      with: expect.stringContaining("share one key"),
      verdicts: { with: "less" },
    });
  });

  it.each<Partial<KeyForm>>([{ key: "" }, { key: "{{order.id" }, { time: 0 }, { time: 2, unit: "days" }])(
    "refuses %j as the library does",
    form => {
      expect(() => createSimulation(scenario("twice", {}, form))).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    },
  );
});

describe("the clock", () => {
  it("stands still until it is moved, and each step brings something", async () => {
    const simulation = createSimulation(scenario("slow"));
    expect(simulation.snapshot()).toMatchObject({ now: 0, trace: [], isOver: false });
    let before = simulation.snapshot();
    for (let steps = 0; !before.isOver; steps++) {
      const after = await simulation.step();
      expect(after.now).toBeGreaterThanOrEqual(before.now);
      if (!after.isOver) expect(after.trace.length).toBeGreaterThan(before.trace.length);
      expect(steps).toBeLessThan(100);
      before = after;
    }
    expect(counts(before)).toEqual([1, 2]);
  });

  it("moves to the time that it is given, and no further", async () => {
    const simulation = createSimulation(scenario("ack-lost"));
    expect(await simulation.advanceTo(1_250)).toMatchObject({ now: 1_250, isOver: false });
    expect(counts(simulation.snapshot())).toEqual([0, 1]);
    expect(counts(await simulation.advanceTo(1_400))).toEqual([1, 1]);
  });

  it.each(FAULTS)("%s: comes to the same by steps, by moves and at once", async fault => {
    const shown = ({ trace }: Snapshot) =>
      JSON.stringify(trace, (name, value) => (name === "idempotencyKey" ? "" : value));
    const stepped = createSimulation(scenario(fault));
    while (!(await stepped.step()).isOver);
    const moved = createSimulation(scenario(fault));
    for (let ms = 0; !(await moved.advanceTo(ms)).isOver; ms += 333);
    const atOnce = shown(await runScenario(scenario(fault)));
    expect(shown(stepped.snapshot())).toBe(atOnce);
    expect(shown(moved.snapshot())).toBe(atOnce);
  });

  it("leaves the page's own timers and clocks as they are", async () => {
    const own = [setTimeout, clearTimeout, Date.now, performance.now, Math.random];
    await runScenario(scenario("store-down"));
    expect([setTimeout, clearTimeout, Date.now, performance.now, Math.random]).toEqual(own);
    expect(Object.hasOwn(performance, "now")).toBe(false);
  });

  it("serves two simulations at once", async () => {
    const [one, other] = await Promise.all([runScenario(scenario("twice")), runScenario(scenario("batch"))]);
    expect(counts(one)).toEqual([1, 2]);
    expect(counts(other)).toEqual([4, 7]);
  });
});

describe("the trace", () => {
  it("is plain data", async () => {
    for (const fault of FAULTS) {
      const { trace } = await runScenario(scenario(fault));
      expect(structuredClone(trace)).toEqual(trace);
      expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
    }
  });

  it("is in the order of time", async () => {
    for (const fault of FAULTS) {
      const times = (await runScenario(scenario(fault))).trace.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  it("has nothing of a worker after its death, until it starts again", async () => {
    const { trace } = await runScenario(scenario("killed", { lease: 30 }));
    const own = trace.filter(entry => "worker" in entry && entry.worker === "A" && entry.side === "with");
    const kinds = own.map(({ type }) => type);
    const next = kinds.slice(kinds.indexOf("killed") + 1).find(type => type !== "unheard");
    expect(next).toBe("restarted");
  });
});
