import {
  certainlyNotDone,
  createIdempotency,
  interruptedInTransit,
  isIdempotencyError,
  memoryStore,
  type ResultPolicy,
} from "../../../src/index.ts";
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
  protocol?: "http" | "http2" | "smtp" | "postgres" | "redis" | "mysql" | "mongodb";
  /** Makes one request, with the client's own retries off where they can be. */
  send(target: Target, timeoutMs: number, execution: { signal: AbortSignal }): Promise<unknown>;
  /** The failure in what it returned, if it returns its failures: what `onResult` judges in the recipe of the page. */
  failure?(result: unknown): unknown;
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
  let failure: unknown;
  const send = (execution: { signal: AbortSignal }) => client.send(server.target, timeoutMs, execution);
  // The recipe of the page.
  const onResult = (result: unknown): ResultPolicy => {
    failure = client.failure?.(result);
    if (failure === undefined) return "complete";
    return interruptedInTransit(failure) ? "hold" : "release";
  };
  const ended = await within(WAITS_MS, execute("once", "1h", send, client.failure && { onResult }));
  failure = ended === undefined ? failure : ended.thrown;
  const received = server.received();
  server.stop();
  if (failure === undefined) return { outcome: "succeeded", certain: false, received };
  if (failure === WAITS) return { outcome: "waits", certain: false, received };
  let ranAgain = false;
  const again = await execute("once", "1h", () => {
    ranAgain = true;
  }).catch((error: unknown) => error);
  if (!ranAgain && !isIdempotencyError(again, "OUTCOME_UNKNOWN")) throw again;
  const outcome = ranAgain ? "released" : "held";
  return { outcome, certain: certainlyNotDone(failure), received };
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
