import type { Beginning, Order, Reply } from "./realm.ts";
import type { Scenario } from "./scenario.ts";
import type { Snapshot } from "./simulation.ts";

/** The simulation as the page uses it. */
export interface RealmClient {
  begin(scenario: Scenario): Promise<Beginning>;
  step(): Promise<Snapshot>;
  advanceTo(ms: number): Promise<Snapshot>;
  finish(): Promise<Snapshot>;
  close(): void;
}

/** Starts the simulation's realm. In a browser only. */
export function openRealm(): RealmClient {
  const worker = new Worker(new URL("./realm.ts", import.meta.url), { type: "module" });
  const waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  let lastId = 0;

  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) asked?.reject(new Error(data.error));
    else asked?.resolve(data);
  });
  worker.addEventListener("error", event => {
    const error = new Error(event.message || "The simulation could not be started");
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  });

  const ask = (order: Order): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      // A copy: what a page's framework watches cannot be sent.
      worker.postMessage({ id, order: JSON.parse(JSON.stringify(order)) });
    });
  const askSnapshot = async (order: Order) => {
    const reply = await ask(order);
    if ("snapshot" in reply) return reply.snapshot;
    throw new Error("Expected a snapshot");
  };

  return {
    async begin(scenario) {
      const reply = await ask({ type: "begin", scenario });
      if ("beginning" in reply) return reply.beginning;
      throw new Error("Expected a beginning");
    },
    step: () => askSnapshot({ type: "step" }),
    advanceTo: ms => askSnapshot({ type: "advance", ms }),
    finish: () => askSnapshot({ type: "finish" }),
    close: () => worker.terminate(),
  };
}
