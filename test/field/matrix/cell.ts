import { certainlyNotDone, createIdempotency, isIdempotencyError, memoryStore } from "../../../src/index.ts";
import type { HostileServer, Target } from "./fates.ts";

/** For what never answers. */
const IMPATIENT_MS = 300;
/** For what answers or fails by itself: long enough for a machine under load. */
const PATIENT_MS = 5_000;
/** A client that has not ended by then knows no timeout. */
const HANG_MS = 15_000;

/** A client of the matrix; `send` makes one request, with its own retries off. */
export interface Client {
  /** Its package, as in test/field/clients/package.json; with a word after it where it has several rows. */
  name: string;
  protocol?: "http" | "http2" | "smtp" | "database";
  send(target: Target, timeoutMs: number, execution: { signal: AbortSignal }): Promise<unknown>;
  /** It returns a failure: the row shows what comes of a recipe, which `send` contains. */
  returns?: string;
}

/** What became of one call of the library, and of a second one. */
export interface Cell {
  outcome: "held" | "released" | "done" | "hangs";
  certain: boolean;
  received: number;
  error?: unknown;
}

export async function runCell(client: Client, column: string, server: HostileServer): Promise<Cell> {
  const { execute } = createIdempotency({ store: memoryStore() });
  const timeoutMs = column === "silent" ? IMPATIENT_MS : PATIENT_MS;
  const first = execute("once", "1h", async execution => {
    await client.send(server.target, timeoutMs, execution);
    return "sent";
  });
  const error = await within(HANG_MS, first).then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  const received = server.received();
  server.stop();
  if (error?.thrown === HANGS) return { outcome: "hangs", certain: false, received };
  let ranAgain = false;
  const again = await execute("once", "1h", () => {
    ranAgain = true;
  }).catch((thrown: unknown) => thrown);
  if (!error) return { outcome: ranAgain ? "released" : "done", certain: false, received };
  if (!ranAgain && !isIdempotencyError(again, "OUTCOME_UNKNOWN")) throw again;
  const outcome = ranAgain ? "released" : "held";
  return { outcome, certain: certainlyNotDone(error.thrown), received, error: error.thrown };
}

const HANGS = Symbol("hangs");

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(HANGS), ms);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
