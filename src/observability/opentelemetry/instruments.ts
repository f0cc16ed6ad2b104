import type { Attributes, Meter } from "@opentelemetry/api";
import type { IdempotencyEvent } from "../../contract/events.ts";
import { errorType } from "./attributes.ts";

/**
 * Why a key is uncertain: `fn`'s error was held, `onResult` held its result, or its result could not be recorded, so that
 * the key becomes uncertain with the end of its lease unless a later try succeeds. A process that died counts nothing.
 */
type UncertainReason = "error" | "result" | "unrecorded";

/** What a call adds to the metrics. */
export interface Instruments {
  /** Records something that happened. */
  count(event: IdempotencyEvent): void;
  /** Records that a run's key is uncertain, or may become so, and why. */
  countUncertain(reason: UncertainReason, error?: unknown): void;
  /** Records that a call is over, and how it ended. */
  endCall(durationMs: number, how: Attributes): void;
}

// From a replay in memory to a wait of a minute, in seconds.
const BOUNDARIES = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Makes the instruments; `common` is on everything that they record. No key ever is. */
export function createInstruments(meter: Meter, common: Attributes): Instruments {
  const duration = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: BOUNDARIES },
    });
  const counter = (name: string, description: string, unit: string) =>
    meter.createCounter(name, { description, unit });
  const calls = duration("idempotency.call.duration", "Duration of calls, waiting included.");
  const runs = duration("idempotency.run.duration", "Duration of the runs of the wrapped function.");
  const uncertain = counter(
    "idempotency.uncertain",
    "Keys whose outcome is unknown after a run, by the reason.",
    "{key}",
  );
  const takeovers = counter("idempotency.takeovers", "Claims that took an uncertain key over.", "{takeover}");
  const losses = counter("idempotency.lease.losses", "Claims lost while their run went on.", "{loss}");
  const storeErrors = counter("idempotency.store.errors", "Failed operations of the store.", "{error}");

  return {
    count(event) {
      switch (event.type) {
        case "completed":
          return runs.record(event.runMs / 1_000, { ...common, "idempotency.outcome": "completed" });
        case "failed":
          return runs.record(event.runMs / 1_000, {
            ...common,
            "idempotency.outcome": "failed",
            "idempotency.policy": event.policy,
            "error.type": errorType(event.error),
          });
        case "claimed":
          if (event.takeover) takeovers.add(1, common);
          return;
        case "lease-lost":
          return losses.add(1, common);
        case "store-error":
          storeErrors.add(1, {
            ...common,
            "idempotency.store.operation": event.operation,
            "error.type": errorType(event.error),
          });
      }
    },
    countUncertain: (reason, error) =>
      uncertain.add(1, {
        ...common,
        "idempotency.reason": reason,
        ...(reason === "error" && { "error.type": errorType(error) }),
      }),
    endCall: (durationMs, how) => calls.record(durationMs / 1_000, { ...common, ...how }),
  };
}
