import { startRedeliveries } from "../common/redeliveries.ts";
import type { Host } from "../common/run.ts";

const REQUEST_TIMEOUT_MS = 5_000;

/** Inngest's functions, in its test engine: its server is a download. */
export const inngest: Host = {
  name: "Inngest (functions)",
  packages: ["inngest", "@inngest/test"],
  worker: new URL("worker.ts", import.meta.url),
  server: "postgres",
  open: () => startRedeliveries(REQUEST_TIMEOUT_MS),
};
