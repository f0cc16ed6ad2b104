import { createIdempotency, type IdempotencyStore, type Options } from "../../src/index.ts";
import { deferred, recorder } from "./calls.ts";

/** A run with a lease of 10 seconds that goes on until the test ends it. */
export function begin<Store extends IdempotencyStore>(store: Store, options: Options = {}) {
  const work = deferred();
  const heard = recorder();
  const instance = createIdempotency({ store, lease: "10s", onEvent: heard.onEvent, ...options });
  let signal!: AbortSignal;
  const call = instance.execute("k", "1m", execution => {
    signal = execution.signal;
    return work.promise;
  });
  call.catch(() => {});
  return { ...instance, store, work, heard, call, signalOf: () => signal };
}
