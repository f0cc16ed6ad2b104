import { interruptedInTransit } from "../contract/error-policy.ts";
import type { ErrorPolicy } from "../contract/options.ts";
import type { Call } from "./call.ts";
import type { LazyExecution } from "./execution.ts";

/** What an error of `fn` does to its key, as `onError` or the default decides. Never throws. */
export function policyFor(call: Call, execution: LazyExecution, error: unknown): ErrorPolicy {
  const { onError } = call.settings;
  // A request that was aborted fails with the signal's own reason, which may be any value.
  if (onError === undefined)
    return execution.wasAbortedBy(error) || interruptedInTransit(error) ? "hold" : "release";
  try {
    const policy: unknown = onError(error);
    if (policy === "release" || policy === "store" || policy === "hold") return policy;
    Promise.resolve(policy).catch(() => {});
    throw new TypeError('onError: expected "release", "store" or "hold"');
  } catch (policyError) {
    call.emit?.({ type: "policy-error", error: policyError });
    return "hold";
  }
}
