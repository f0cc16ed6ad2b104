import { agents } from "./agents/host.ts";
import { bullmq } from "./bullmq/host.ts";
import type { Host } from "./common/run.ts";
import { dbos } from "./dbos/host.ts";
import { inngest } from "./inngest/host.ts";
import { pgBoss } from "./pg-boss/host.ts";
import { temporal } from "./temporal/host.ts";

/** The workflow runtimes, by the name of their folder. */
export const HOSTS: ReadonlyMap<string, Host> = new Map([
  ["bullmq", bullmq],
  ["pg-boss", pgBoss],
  ["dbos", dbos],
  ["inngest", inngest],
  ["temporal", temporal],
  ["agents", agents],
]);
