import { interruptedInTransit } from "../contract/error-policy.ts";
import type { ErrorPolicy, ResultPolicy } from "../contract/options.ts";
import { expectOneOf } from "../contract/validate.ts";
import type { Call, Run } from "./call.ts";

/**
 * What an error of `fn` does to its key, as `onError` or the default decides. Never throws. P2: a run that took an
 * uncertain key over settles nothing by failing, unless the failure is stored.
 */
export function errorPolicy(run: Run, error: unknown): ErrorPolicy {
  const policy = run.isIdle ? "release" : chosenPolicy(run, error);
  return run.takeover && policy === "release" ? "hold" : policy;
}

function chosenPolicy({ call, execution }: Run, error: unknown): ErrorPolicy {
  const { onError } = call.settings;
  const byDefault = () => (execution.isAborted || interruptedInTransit(error) ? "hold" : "release");
  const decide = onError === undefined ? byDefault : () => onError(error);
  return decided(call, "onError", decide, ["release", "store", "hold"], "hold");
}

/**
 * What a result of `fn` does to its key, as `onResult` decides. Never throws. P2: as for errors, a takeover that
 * releases holds.
 */
export function resultPolicy({ call, takeover }: Run, value: unknown): ResultPolicy {
  const { onResult } = call.settings;
  if (onResult === undefined) return "complete";
  const policy = decided(
    call,
    "onResult",
    () => onResult(value as never),
    ["complete", "release", "hold"],
    "complete",
  );
  return takeover && policy === "release" ? "hold" : policy;
}

/** What a policy says, or, where it throws or says anything else, what stands then, and an event (P3, P4). */
function decided<Policy extends string>(
  call: Call,
  name: string,
  decide: () => unknown,
  allowed: readonly Policy[],
  otherwise: Policy,
): Policy {
  try {
    const policy = decide();
    expectOneOf(name, allowed, policy);
    return policy as Policy;
  } catch (error) {
    call.emit?.({ type: "policy-error", error });
    return otherwise;
  }
}
