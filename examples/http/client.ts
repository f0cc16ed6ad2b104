import { setTimeout as sleep } from "node:timers/promises";
import type { Execution } from "with-idempotency";

const TRIES = 5;

/** Posts JSON to an API that takes an `Idempotency-Key`: each try with the same one, until there is an answer. */
export async function post(url: string, data: unknown, execution: Execution): Promise<Response> {
  const { idempotencyKey, signal } = execution;
  const headers = { "content-type": "application/json", "idempotency-key": `"${idempotencyKey}"` };
  const body = JSON.stringify(data);
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(url, { method: "POST", headers, body, signal }).catch(error => {
      // No answer came. The key makes it safe to ask again.
      if (signal.aborted || tries === TRIES) throw error;
      return undefined;
    });
    const seconds = response === undefined ? tries : secondsToWait(response);
    if (response !== undefined && (seconds === undefined || tries === TRIES)) return response;
    await response?.body?.cancel();
    await sleep((seconds ?? 0) * 1_000, undefined, { signal });
  }
}

/** A 409 without `Retry-After` is an answer: nobody knows the outcome, or the response was not kept. */
function secondsToWait({ status, headers }: Response): number | undefined {
  const text = headers.get("retry-after") ?? "";
  return [409, 429, 503].includes(status) && /^\d+$/.test(text) ? Number(text) : undefined;
}
