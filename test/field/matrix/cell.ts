import { certainlyNotDone, createIdempotency, isIdempotencyError, memoryStore } from "../../../src/index.ts";
import type { HostileServer, Target } from "./fates.ts";

// For what never answers; for an answer cut short, which some clients wait on; and for what answers or fails by
// itself, which takes long on a machine under load.
const PATIENCE_MS: Readonly<Record<string, number>> = { silent: 300, "cut short": 4_000 };
const PATIENT_MS = 20_000;
/** A client that has not ended by then has no timeout that could be set. */
const WAITS_MS = 30_000;

/** A client of the matrix: a file of test/field/clients defines it. */
export interface Client {
  /** Its package, as test/field/clients/package.json names it; then what sets it apart from its other rows. */
  name: string;
  protocol?: "http" | "http2" | "smtp" | "postgres" | "redis";
  /** Makes one request, with the client's own retries off where they can be. */
  send(target: Target, timeoutMs: number, execution: { signal: AbortSignal }): Promise<unknown>;
  /** Where it returns its failures: `send` throws in its place, as the recipe of the page says. */
  returns?: string;
}

/** What became of a call of the library, and of a second one with its key. */
export interface Cell {
  outcome: "held" | "released" | "succeeded" | "waits";
  certain: boolean;
  received: number;
}

export async function runCell(client: Client, column: string, server: HostileServer): Promise<Cell> {
  const { execute } = createIdempotency({ store: memoryStore() });
  const timeoutMs = PATIENCE_MS[column] ?? PATIENT_MS;
  const first = execute("once", "1h", async execution => {
    await client.send(server.target, timeoutMs, execution);
    return "sent";
  });
  const failure = await within(WAITS_MS, first);
  const received = server.received();
  server.stop();
  if (failure === undefined) return { outcome: "succeeded", certain: false, received };
  if (failure.thrown === WAITS) return { outcome: "waits", certain: false, received };
  let ranAgain = false;
  const again = await execute("once", "1h", () => {
    ranAgain = true;
  }).catch((error: unknown) => error);
  if (!ranAgain && !isIdempotencyError(again, "OUTCOME_UNKNOWN")) throw again;
  const outcome = ranAgain ? "released" : "held";
  return { outcome, certain: certainlyNotDone(failure.thrown), received };
}

const WAITS = Symbol("waits");

async function within(ms: number, work: Promise<unknown>): Promise<{ thrown: unknown } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(WAITS), ms);
  });
  try {
    await Promise.race([work, limit]);
    return undefined;
  } catch (thrown) {
    return { thrown };
  } finally {
    clearTimeout(timer);
  }
}
