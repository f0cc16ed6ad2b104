import { startRedeliveries } from "../common/redeliveries.ts";
import type { Host } from "../common/run.ts";

const START_TO_CLOSE_TIMEOUT_MS = 5_000;

/** Temporal's activities, in its test environment: its server is a download. */
export const temporal: Host = {
  name: "Temporal (activities)",
  packages: ["@temporalio/activity", "@temporalio/testing"],
  worker: new URL("worker.ts", import.meta.url),
  server: "postgres",
  open: () => startRedeliveries(START_TO_CLOSE_TIMEOUT_MS),
};
