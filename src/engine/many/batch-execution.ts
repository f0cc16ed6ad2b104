import type { BatchExecution } from "../../contract/execution.ts";
import { digest } from "../../util/sha256.ts";
import { uuidOf } from "../../util/uuid.ts";
import type { Run } from "../call.ts";

/** What the `fn` of a batch learns. What takes long is made when it is read. */
export function batchExecution(runs: readonly Run[]): BatchExecution {
  let idempotencyKeys: readonly string[] | undefined;
  let idempotencyKey: string | undefined;
  let signal: AbortSignal | undefined;
  return {
    keys: runs.map(({ call }) => call.key),
    attempts: runs.map(({ execution }) => execution.attempt),
    get idempotencyKeys() {
      idempotencyKeys ??= runs.map(({ execution }) => execution.idempotencyKey);
      return idempotencyKeys;
    },
    // B5: a digest of those of its items, in their order.
    get idempotencyKey() {
      idempotencyKey ??= digest(JSON.stringify(this.idempotencyKeys));
      return idempotencyKey;
    },
    get idempotencyUuid() {
      return uuidOf(this.idempotencyKey);
    },
    get signal() {
      signal ??= signalOfAll(runs);
      return signal;
    },
  };
}

/** B4: aborts when every run has lost its claim, or the caller's signal aborts, as then all of them do. */
function signalOfAll(runs: readonly Run[]): AbortSignal {
  const controller = new AbortController();
  let left = runs.length;
  const count = ({ reason }: AbortSignal) => {
    left -= 1;
    if (left === 0) controller.abort(reason);
  };
  for (const { execution } of runs) {
    const { signal } = execution;
    if (signal.aborted) count(signal);
    else signal.addEventListener("abort", () => count(signal), { once: true });
  }
  return controller.signal;
}
