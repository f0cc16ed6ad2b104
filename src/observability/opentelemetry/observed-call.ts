import { type Context, type Exception, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IdempotencyEvent } from "../../contract/events.ts";
import { redactError } from "../../engine/emit.ts";
import { attributesOf, errorAttributes, errorType, snakeCase } from "./attributes.ts";
import type { Instruments } from "./instruments.ts";

const ENDINGS: readonly IdempotencyEvent["type"][] = [
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
  readonly #redactKeys: boolean;
  readonly #begun = performance.now();
  #ending: IdempotencyEvent | undefined;
  #isAccountedFor = false;

  constructor(span: Span, outer: Context, instruments: Instruments, redactKeys: boolean) {
    this.context = trace.setSpan(outer, span);
    this.#span = span;
    this.#instruments = instruments;
    this.#redactKeys = redactKeys;
  }

  hear(event: IdempotencyEvent): void {
    this.#instruments.count(event);
    this.#countUncertain(event);
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
    if (failure !== undefined) this.#fail(failure.error);
    this.#span.end();
  }

  #countUncertain(event: IdempotencyEvent): void {
    // Of these a result that is not stored leaves a key that is completed, or another's.
    if (event.type === "unstorable" || event.type === "lease-lost") this.#isAccountedFor = true;
    if (event.type === "failed" && event.policy === "hold")
      this.#instruments.countUncertain("error", event.error);
    if (event.type !== "completed" || event.persisted) return;
    if (event.policy === "hold") this.#instruments.countUncertain("result");
    if (event.policy === undefined && !this.#isAccountedFor) this.#instruments.countUncertain("unrecorded");
  }

  #addEvent(event: IdempotencyEvent): void {
    if (!this.#span.isRecording()) return;
    const error = "error" in event ? errorAttributes(event.error) : {};
    this.#span.addEvent(`idempotency.${snakeCase(event.type)}`, { ...attributesOf(event), ...error });
  }

  #fail(error: unknown): void {
    const shown = this.#redactKeys ? redactError(error) : error;
    const isError = shown instanceof Error;
    this.#span.recordException(isError ? shown : (shown as Exception));
    this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(isError && { message: shown.message }) });
  }
}
