import { describe, expect, it } from "vitest";
import type { Lane } from "../../../docs/.vitepress/theme/playground/lane.ts";
import {
  DEFAULT_SCENARIO,
  FAULTS,
  type Scenario,
} from "../../../docs/.vitepress/theme/playground/scenario.ts";
import { createSimulation, runScenario } from "../../../docs/.vitepress/theme/playground/simulation.ts";
import { layOut, ticksOf } from "../../../docs/.vitepress/theme/playground/timeline.ts";
import type { Side, TraceEntry } from "../../../docs/.vitepress/theme/playground/trace.ts";

const scenario = (fault: Scenario["fault"], choices: Partial<Scenario["choices"]> = {}): Scenario => ({
  ...DEFAULT_SCENARIO,
  fault,
  choices: { ...DEFAULT_SCENARIO.choices, ...choices },
});

async function lanesOf(fault: Scenario["fault"], side: Side, choices?: Partial<Scenario["choices"]>) {
  const { trace, now } = await runScenario(scenario(fault, choices));
  return layOut(trace, now, side);
}

const lane = (lanes: Lane[], label: string) => lanes.find(each => each.label === label)!;
const bars = (lanes: Lane[], label: string) => lane(lanes, label).bars.map(({ kind }) => kind);
const marks = (lanes: Lane[], label: string) => lane(lanes, label).marks.map(each => each.label);

describe("the lanes", () => {
  it("show a claim, its run, its settling, and the replay", async () => {
    const lanes = await lanesOf("ack-lost", "with");
    expect(lanes.map(({ label }) => label)).toEqual(["Sender", "Worker A", "Worker B", "Key", "Provider"]);
    expect(bars(lanes, "Worker A")).toEqual(["claim", "run", "settle"]);
    expect(bars(lanes, "Worker B")).toEqual(["replay"]);
    expect(bars(lanes, "Key")).toEqual(["in-progress", "completed"]);
    expect(marks(lanes, "Sender")).toEqual(["A", "lost", "B", "done"]);
    expect(marks(lanes, "Provider")).toEqual(["accepted"]);
  });

  it("have no key without the wrapper, and two requests", async () => {
    const lanes = await lanesOf("ack-lost", "without");
    expect(lanes.map(({ label }) => label)).toEqual(["Sender", "Worker A", "Worker B", "Provider"]);
    expect(bars(lanes, "Worker A")).toEqual(["run"]);
    expect(bars(lanes, "Worker B")).toEqual(["run"]);
    expect(bars(lanes, "Provider")).toEqual(["request", "request"]);
  });

  it("end what a worker was at where it is killed, and let its lease run out", async () => {
    const lanes = await lanesOf("killed", "with");
    expect(lane(lanes, "Worker A").bars.at(-1)).toMatchObject({ kind: "run", to: 1_900, isOpen: false });
    expect(marks(lanes, "Worker A")).toEqual(["killed", "restarted"]);
    expect(lane(lanes, "Provider").bars[0]).toMatchObject({ to: 1_900, isOpen: false });
    expect(lane(lanes, "Key").bars).toMatchObject([
      { kind: "in-progress", from: 250, to: 8_250 },
      { kind: "uncertain", from: 8_250 },
    ]);
    expect(bars(lanes, "Worker B")).toEqual(["claim", "wait"]);
    expect(marks(lanes, "Worker B")).toEqual(["OUTCOME_UNKNOWN"]);
    expect(marks(lanes, "Sender").at(-1)).toBe("stops");
  });

  it("name a second run by its attempt", async () => {
    const { bars } = lane(await lanesOf("killed", "with", { onUncertain: "rerun" }), "Worker B");
    expect(bars.map(({ label }) => label)).toEqual(["claim", "wait", "run 2", "settle"]);
  });

  it("mark each renewal of a lease, and draw the lease as one", async () => {
    const key = lane(await lanesOf("slow", "with"), "Key");
    expect(key.bars.map(({ kind }) => kind)).toEqual(["in-progress", "completed"]);
    expect(key.marks.map(({ kind, at }) => [kind, at])).toEqual([
      ["renewed", 2_250],
      ["renewed", 4_250],
      ["renewed", 6_250],
      ["renewed", 8_250],
    ]);
  });

  it("have a key for each user of a batch, and one mark for what arrives as one", async () => {
    const lanes = await lanesOf("batch", "with");
    expect(lanes.filter(({ id }) => id.startsWith("key-")).map(({ label }) => label)).toEqual([
      "Key mira",
      "Key noor",
      "Key sam",
      "Key ana",
    ]);
    expect(bars(lanes, "Key sam")).toEqual(["in-progress", "released", "in-progress", "completed"]);
    expect(marks(lanes, "Provider")).toEqual(["3 accepted", "accepted"]);
    expect(bars(lanes, "Worker A")).toEqual(["claim", "run", "settle"]);
  });

  it("show the store where it is out of reach", async () => {
    const lanes = await lanesOf("store-down", "with");
    expect(lane(lanes, "Store").bars).toMatchObject([{ from: 0, to: 4_000, isOpen: false }]);
    expect((await lanesOf("store-down", "without")).map(({ label }) => label)).not.toContain("Store");
  });

  it("lay what happens at once in rows of its own", async () => {
    const lanes = await lanesOf("slow", "without");
    const provider = lane(lanes, "Provider");
    expect(provider.rows).toBe(2);
    expect(provider.bars.map(({ row }) => row)).toEqual([0, 1]);
  });

  it.each(FAULTS)(
    "%s: no two bars of a row overlap, and none ends before it begins, at any moment",
    async fault => {
      const simulation = createSimulation(scenario(fault, { onConflict: "reject", onUncertain: "rerun" }));
      for (let isOver = false; !isOver; ) {
        const { trace, now, isOver: ended } = await simulation.step();
        isOver = ended;
        for (const side of ["with", "without"] as const) {
          for (const { bars, rows } of layOut(trace, now, side)) {
            for (const [index, bar] of bars.entries()) {
              expect(bar.to).toBeGreaterThanOrEqual(bar.from);
              expect(bar.row).toBeLessThan(rows);
              const before = bars.slice(0, index).findLast(({ row }) => row === bar.row);
              if (before) expect(bar.from).toBeGreaterThanOrEqual(before.to);
            }
          }
        }
      }
    },
  );

  it("leave what goes on open, to now", () => {
    const trace: TraceEntry[] = [
      { type: "called", delivery: 1, worker: "A", at: 100, side: "with" },
      { type: "requested", worker: "A", request: 1, to: ["mira@example.com"], at: 400, side: "with" },
    ];
    const lanes = layOut(trace, 900, "with");
    expect(lane(lanes, "Worker A").bars).toMatchObject([{ kind: "claim", from: 100, to: 900, isOpen: true }]);
    expect(lane(lanes, "Provider").bars).toMatchObject([{ from: 400, to: 900, isOpen: true }]);
    expect(layOut([], 0, "without").flatMap(({ bars }) => bars)).toEqual([]);
  });
});

describe("the axis", () => {
  it.each([
    [6_000, 1_000, 7],
    [8_800, 2_000, 5],
    [17_000, 5_000, 4],
    [60_000, 10_000, 7],
  ])("of %i ms has a number each %i ms", (extent, step, count) => {
    const ticks = ticksOf(extent);
    expect(ticks).toHaveLength(count);
    expect(ticks[1]).toBe(step);
  });
});
