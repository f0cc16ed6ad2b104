import { type Context, context, type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";
import { createIdempotency } from "../../api/create-idempotency.ts";
import { wrap } from "../../api/make-idempotent.ts";
import type { IdempotencyListener } from "../../contract/events.ts";
import type { Idempotency, Outcome } from "../../contract/idempotency.ts";
import type { Options } from "../../contract/options.ts";
import { expectMethods, expectPlain } from "../../contract/validate.ts";
import { notify } from "../../util/notify.ts";
import { createInstruments, type Instruments } from "./instruments.ts";
import { itemListener } from "./item-listener.ts";
import { ObservedCall } from "./observed-call.ts";

const SCOPE = "with-idempotency";

/** The options of {@link createInstrumentedIdempotency}. */
export interface InstrumentedOptions extends Options {
  /**
   * Separates the keys of one part of your application from the others. It is an attribute of every span and
   * metric.
   */
  namespace?: string | undefined;
  /**
   * The tracer that creates the spans.
   * @default the global provider's
   */
  tracer?: Tracer | undefined;
  /**
   * The meter that creates the metrics.
   * @default the global provider's, looked up at the first call
   */
  meter?: Meter | undefined;
}

/**
 * Like {@link createIdempotency}, but each call also reports to OpenTelemetry: with a span `idempotency.call`,
 * which is active during store operations and while `fn` runs, and with the metrics `idempotency.call.duration`,
 * `idempotency.run.duration`, `idempotency.uncertain`, `idempotency.takeovers`, `idempotency.lease.losses` and
 * `idempotency.store.errors`. Each item of `executeMany` whose key and fingerprint are valid counts in the metrics as a
 * call does, but has no span. Keys appear only on spans; with `redactKeys`, as a fingerprint. If telemetry fails, calls are not affected.
 *
 * @throws InvalidOptionError `INVALID_OPTION`; InvalidDurationError `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`
 *
 * @example
 * ```ts
 * import { createInstrumentedIdempotency } from "with-idempotency/opentelemetry";
 *
 * // Reports to the global providers, or to the `tracer` and `meter` that it is given.
 * const { withIdempotency } = createInstrumentedIdempotency({ namespace: "emails" });
 * console.log(await withIdempotency(["order-shipped", 42], "24h", () => "sent")); // → sent
 * ```
 */
export function createInstrumentedIdempotency(options: InstrumentedOptions = {}): Idempotency {
  expectPlain("options", options);
  const { tracer = trace.getTracer(SCOPE), meter, ...defaults } = options;
  expectMethods("tracer", "a Tracer", ["startSpan"], tracer);
  if (meter !== undefined) expectMethods("meter", "a Meter", ["createHistogram", "createCounter"], meter);
  const instance = createIdempotency(defaults);
  const { namespace } = defaults;
  const attributes = namespace === undefined ? {} : { "idempotency.namespace": namespace };

  // Not before the first call: unlike a tracer, a meter of before the SDK has started never reaches it.
  let made: Instruments | undefined;
  function instruments(): Instruments {
    made ??= createInstruments(meter ?? metrics.getMeter(SCOPE), attributes);
    return made;
  }

  function observe(own: Options | undefined): ObservedCall {
    const outer = context.active();
    const span = tracer.startSpan("idempotency.call", { attributes }, outer);
    return new ObservedCall(span, outer, instruments(), (own?.redactKeys ?? defaults.redactKeys) === true);
  }

  const execute: Idempotency["execute"] = (key, ttl, fn, own) => {
    const call = safely(() => observe(own));
    if (call === undefined) return instance.execute(key, ttl, fn, own);
    const inside: typeof fn =
      typeof fn === "function" ? execution => inContext(call.context, () => fn(execution)) : fn;
    const onEvent = both(event => call.hear(event), own?.onEvent ?? defaults.onEvent);
    const answer = inContext(call.context, () =>
      instance.execute(key, ttl, inside, withListener(own, onEvent)),
    );
    return ended(call, answer);
  };

  const instrumented: Idempotency = {
    ...instance,
    execute,
    withIdempotency: async (...call) => (await execute(...call)).value,
    makeIdempotent: (fn, config) => wrap(instrumented.withIdempotency, fn, config),
    executeMany(items, config, fn) {
      const observed = () =>
        withListener(config, both(itemListener(instruments()), config.onEvent ?? defaults.onEvent));
      return instance.executeMany(items, safely(observed) ?? config, fn);
    },
  };
  return instrumented;
}

/**
 * Returns an `onEvict` for `memoryStore` that counts `idempotency.evictions`.
 *
 * @param meter the meter that creates the counter; by default the global provider's, looked up at the first
 * eviction
 *
 * @example
 * ```ts
 * import { memoryStore } from "with-idempotency";
 * import { countEvictions, createInstrumentedIdempotency } from "with-idempotency/opentelemetry";
 *
 * const store = memoryStore({ maxEntries: 50_000, onEvict: countEvictions() });
 * const { withIdempotency } = createInstrumentedIdempotency({ namespace: "emails", store });
 * console.log(await withIdempotency(["order-shipped", 42], "24h", () => "sent")); // → sent
 * ```
 */
export function countEvictions(meter?: Meter): (key: string) => void {
  let counter: ReturnType<Meter["createCounter"]> | undefined;
  return () => {
    counter ??= (meter ?? metrics.getMeter(SCOPE)).createCounter("idempotency.evictions", {
      description: "Keys that a full in-memory store dropped before their time.",
      unit: "{eviction}",
    });
    counter.add(1);
  };
}

/**
 * Does something once in a context, and ends as that does. P1, P4: a context manager that fails, before it or after it,
 * that never begins it, or that swallows or replaces its error changes nothing.
 */
function inContext<T>(active: Context, act: () => T): T {
  let end: (() => T) | undefined;
  const once = () => {
    if (end === undefined) end = endOf(act);
  };
  safely(() => context.with(active, once));
  once();
  return end!();
}

/** Does something, and returns what ends as it did. */
function endOf<T>(act: () => T): () => T {
  try {
    const value = act();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function ended<T>(call: ObservedCall, answer: Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    const outcome = await answer;
    safely(() => call.end());
    return outcome;
  } catch (error) {
    safely(() => call.end({ error }));
    throw error;
  }
}

function safely<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    // Ignored on purpose: a side effect that happened is not undone by failing telemetry.
    return undefined;
  }
}

/** Notifies one listener and then the caller's, if there is one. The engine refuses what is no listener. */
function both(first: IdempotencyListener, second: IdempotencyListener | undefined): IdempotencyListener {
  if (second === undefined) return first;
  if (typeof second !== "function") return second;
  return event => {
    notify(first, event);
    if (second.hasSubscribers !== false) notify(second, event);
  };
}

/** The options with that listener. The engine refuses what are no options. */
function withListener<O extends Pick<Options, "onEvent"> | undefined>(
  options: O,
  onEvent: IdempotencyListener,
): O {
  try {
    if (options !== undefined) expectPlain("options", options);
    return { ...options, onEvent };
  } catch {
    return options;
  }
}
