import { type Context, type Exception, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IdempotencyEvent, IdempotencyListener } from "../../contract/events.ts";
import { redactError } from "../../engine/emit.ts";
import { attributesOf, errorAttributes, errorType, snakeCase } from "./attributes.ts";
import type { Instruments } from "./instruments.ts";
import { runListener } from "./run-listener.ts";

/** The events with which a call ends. */
export const ENDINGS: readonly IdempotencyEvent["type"][] = [
  "completed",
  "failed",
  "replayed",
  "shared-failure",
  "refused",
  "aborted",
];

/** A call's span, and what its events add to the metrics. */
export class ObservedCall {
  /** The one in which the call's span is active. */
  readonly context: Context;
  readonly #span: Span;
  readonly #instruments: Instruments;
  readonly #count: IdempotencyListener;
  readonly #redactKeys: boolean;
  readonly #begun = performance.now();
  #ending: IdempotencyEvent | undefined;

  constructor(span: Span, outer: Context, instruments: Instruments, redactKeys: boolean) {
    this.context = trace.setSpan(outer, span);
    this.#span = span;
    this.#instruments = instruments;
    this.#count = runListener(instruments);
    this.#redactKeys = redactKeys;
  }

  hear(event: IdempotencyEvent): void {
    this.#count(event);
    if (this.#span.isRecording()) this.#span.setAttribute("idempotency.key", event.key);
    if (!ENDINGS.includes(event.type)) this.#addEvent(event);
    // What its run comes to is no longer the answer of a call that was aborted.
    else if (this.#ending?.type !== "aborted") this.#ending = event;
  }

  /** The call has given its result, or was rejected with that error. */
  end(failure?: { error: unknown }): void {
    const ending = this.#ending;
    const how = {
      // There is no event for a call whose arguments were refused.
      "idempotency.outcome": snakeCase(ending?.type ?? "invalid"),
      ...(failure && { "error.type": errorType(failure.error) }),
    };
    this.#instruments.endCall(performance.now() - this.#begun, how);
    this.#span.setAttributes({ ...(ending && attributesOf(ending)), ...how });
    try {
      if (failure !== undefined) this.#fail(failure.error);
    } finally {
      // Also after an error that cannot be read.
      this.#span.end();
    }
  }

  #addEvent(event: IdempotencyEvent): void {
    if (!this.#span.isRecording()) return;
    const error = "error" in event ? errorAttributes(event.error) : {};
    this.#span.addEvent(`idempotency.${snakeCase(event.type)}`, { ...attributesOf(event), ...error });
  }

  #fail(error: unknown): void {
    const code = SpanStatusCode.ERROR;
    // Before the error is read, which may fail.
    this.#span.setStatus({ code });
    const shown = this.#redactKeys ? redactError(error) : error;
    const isError = shown instanceof Error;
    this.#span.recordException(isError ? shown : (shown as Exception));
    if (isError) this.#span.setStatus({ code, message: shown.message });
  }
}
