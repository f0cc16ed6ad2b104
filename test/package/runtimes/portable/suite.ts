import { cancellationChecks } from "./cancellation.ts";
import { conformanceChecks } from "./conformance.ts";
import { errorChecks } from "./errors.ts";
import { leaseChecks } from "./lease.ts";
import { manyChecks } from "./many.ts";
import { performAll, type Result } from "./perform.ts";
import { resultChecks } from "./results.ts";
import { settingsChecks } from "./settings.ts";
import { sharingChecks } from "./sharing.ts";
import { storeFaultChecks } from "./store-faults.ts";
import { uncertainChecks } from "./uncertain.ts";
import { valueChecks } from "./values.ts";
import { waitingChecks } from "./waiting.ts";

/** What one runtime has to say. Plain JSON. */
export interface Report {
  /** Which runtime this is, by its own account: `"Node.js 22.23.3"`. */
  runtime: string;
  results: Result[];
}

// Those that keep the processor busy come first, one after the other; those that wait do so side by side.
const IN_TURN = [
  ...conformanceChecks,
  ...resultChecks,
  ...valueChecks,
  ...settingsChecks,
  ...errorChecks,
  ...sharingChecks,
  ...manyChecks,
];
const AT_ONCE = [
  ...leaseChecks,
  ...waitingChecks,
  ...uncertainChecks,
  ...storeFaultChecks,
  ...cancellationChecks,
];

/** The names of all checks: a runtime that does not report on each has failed. */
export const names: readonly string[] = [...IN_TURN, ...AT_ONCE].map(({ name }) => name);

/** Runs all checks in the runtime that this is. */
export async function report(): Promise<Report> {
  return { runtime: runtime(), results: await performAll(IN_TURN, AT_ONCE) };
}

/** By globals that only the one runtime has: Bun and Deno pose as Node.js too. */
function runtime(): string {
  const { Bun, Deno, process, navigator } = globalThis as unknown as {
    Bun?: { version: string };
    Deno?: { version: { deno: string } };
    process?: { versions?: { node?: string } };
    navigator?: { userAgent?: string };
  };
  const agent = navigator?.userAgent ?? "";
  if (Bun) return `Bun ${Bun.version}`;
  if (Deno) return `Deno ${Deno.version.deno}`;
  if (agent === "Cloudflare-Workers") return "workerd";
  if (process?.versions?.node) return `Node.js ${process.versions.node}`;
  return /Chrome\/([\d.]+)/.exec(agent)?.[0].replace("/", " ") ?? agent;
}
