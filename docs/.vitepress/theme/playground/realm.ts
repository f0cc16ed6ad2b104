import { effective, eventsOf, type Scenario } from "./scenario.ts";
import { readForm } from "./settings.ts";
import { createSimulation, runScenario, type Simulation, type Snapshot } from "./simulation.ts";

// The realm of the simulation: a web worker, whose timers and clocks are virtual while it works. The page keeps its own.

/** What the page asks of the realm. */
export type Order =
  | { type: "begin"; scenario: Scenario }
  | { type: "step" }
  | { type: "advance"; ms: number }
  | { type: "finish" };

/** A scenario at its beginning. */
export interface Beginning {
  snapshot: Snapshot;
  /** How long all of it takes, in milliseconds. */
  lengthMs: number;
  /** The key of each event. */
  keys: string[];
  /** Whether the key names none of the data, and is the same for every event. */
  namesNoData: boolean;
}

export type Reply =
  | { id: number; beginning: Beginning }
  | { id: number; snapshot: Snapshot }
  | { id: number; error: string };

let simulation: Simulation | undefined;

async function obey(order: Order): Promise<{ beginning: Beginning } | { snapshot: Snapshot }> {
  if (order.type === "begin") {
    const scenario = effective(order.scenario);
    const { now } = await runScenario(scenario);
    simulation = createSimulation(scenario);
    const { keyFor, paths } = readForm(scenario.form);
    const keys = eventsOf(scenario.fault).map(data => [keyFor(data)].flat().join(":"));
    const snapshot = simulation.snapshot();
    return { beginning: { snapshot, lengthMs: now, keys, namesNoData: paths.length === 0 } };
  }
  if (simulation === undefined) throw new Error("No scenario has begun");
  switch (order.type) {
    case "step":
      return { snapshot: await simulation.step() };
    case "advance":
      return { snapshot: await simulation.advanceTo(order.ms) };
    case "finish":
      return { snapshot: await simulation.finish() };
  }
}

addEventListener("message", async ({ data: { id, order } }: MessageEvent<{ id: number; order: Order }>) => {
  try {
    postMessage({ id, ...(await obey(order)) } satisfies Reply);
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply);
  }
});
