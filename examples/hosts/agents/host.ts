import { startRedeliveries } from "../common/redeliveries.ts";
import type { Host } from "../common/run.ts";

// Longer than a lease: a run that begins again then learns that nobody knows what became of the one before.
const RUN_TIMEOUT_MS = 5_000;

/** An agent by the AI SDK whose tools are an MCP server's. The runtime runs an agent again that died or failed. */
export const agents: Host = {
  name: "AI SDK and MCP",
  packages: ["ai", "@modelcontextprotocol/sdk"],
  worker: new URL("worker.ts", import.meta.url),
  server: "redis",
  open: () => startRedeliveries(RUN_TIMEOUT_MS),
};
