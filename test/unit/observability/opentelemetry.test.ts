import { type ContextManager, context, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { fingerprint, type IdempotencyEvent, memoryStore, type Options } from "../../../src/index.ts";
import {
  countEvictions,
  createInstrumentedIdempotency,
  type InstrumentedOptions,
} from "../../../src/observability/opentelemetry/listener.ts";
import { faultyStore } from "../../../src/testing.ts";
import { COMES_TO, callScenes, KEY } from "../../support/call-scenes.ts";
import { deferred, pass, processes, recorder, rejection } from "../../support/calls.ts";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterAll(() => context.disable());

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The SDK of an application, and an instance that reports to it. */
function sdk(options: InstrumentedOptions = {}, processors: SpanProcessor[] = []) {
  const spans = new InMemorySpanExporter();
  const traces = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans), ...processors],
  });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meter = new MeterProvider({ readers: [reader] }).getMeter("test");
  const tracer = traces.getTracer("test");
  const told = { tracer, meter };
  const instance = createInstrumentedIdempotency({ store: memoryStore(), ...told, ...options });

  /** What the metrics came to: of a histogram how often and for how many seconds in all, of a counter the number. */
  async function measured() {
    const { resourceMetrics } = await reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return all.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => {
        const number = typeof value === "number" ? { value } : { count: value.count, sum: value.sum };
        return { name, unit, attributes, ...number };
      }),
    );
  }

  return { ...instance, ...told, measured, spans: () => spans.getFinishedSpans() };
}

const only = ([span, ...others]: ReadableSpan[]) => {
  expect(others).toEqual([]);
  return span!;
};

describe("a call's span", () => {
  it("shows a run", async () => {
    const { withIdempotency, spans } = sdk({ namespace: "emails" });
    const key = await withIdempotency(["order", 42], "1m", async ({ idempotencyKey }) => idempotencyKey);
    const span = only(spans());
    expect(span.name).toBe("idempotency.call");
    expect(span.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(span.attributes).toEqual({
      "idempotency.namespace": "emails",
      "idempotency.key": "order:42",
      "idempotency.outcome": "completed",
      "idempotency.attempt": 1,
      "idempotency.persisted": true,
    });
    const claimed = {
      "idempotency.attempt": 1,
      "idempotency.provider_key": key,
      "idempotency.takeover": false,
    };
    expect(span.events).toMatchObject([{ name: "idempotency.claimed", attributes: claimed }]);
    expect(span.ended).toBe(true);
  });

  it("shows a replay, which has no claim", async () => {
    const { execute, spans } = sdk();
    await execute("k", "1m", () => 1);
    expect(await execute("k", "1m", () => 2)).toMatchObject({ value: 1, replayed: true });
    expect(spans()[1]).toMatchObject({
      events: [],
      attributes: { "idempotency.outcome": "replayed", "idempotency.attempt": 1 },
    });
  });

  it("is the active one while fn runs and the store is asked, and the parent of their spans", async () => {
    const memory = memoryStore();
    const asked: unknown[] = [];
    const store = {
      ...faultyStore(memory),
      claim: (...args: Parameters<typeof memory.claim>) => {
        asked.push(trace.getActiveSpan());
        return Promise.resolve(memory.claim(...args));
      },
    };
    const { execute, tracer, spans } = sdk({ store });
    await tracer.startActiveSpan("request", async request => {
      await execute("k", "1m", async () => {
        await Promise.resolve();
        tracer.startSpan("smtp").end();
      });
      expect(trace.getActiveSpan()).toBe(request);
      request.end();
    });
    const [smtp, call, request] = spans();
    expect([smtp!.name, call!.name, request!.name]).toEqual(["smtp", "idempotency.call", "request"]);
    expect(smtp!.parentSpanContext?.spanId).toBe(call!.spanContext().spanId);
    expect(call!.parentSpanContext?.spanId).toBe(request!.spanContext().spanId);
    expect(asked).toMatchObject([{ name: "idempotency.call" }]);
  });

  it("is the active one in fn without a context that follows promises, too", async () => {
    const stack = [ROOT_CONTEXT];
    const manager: ContextManager = {
      active: () => stack.at(-1)!,
      with(inner, fn, self, ...args) {
        stack.push(inner);
        try {
          return fn.call(self as never, ...args);
        } finally {
          stack.pop();
        }
      },
      bind: (_, target) => target,
      enable: () => manager,
      disable: () => manager,
    };
    context.disable();
    context.setGlobalContextManager(manager);
    const { tracer, withIdempotency, spans } = sdk({ store: processes(1)[0]! });
    await withIdempotency("k", "1m", () => tracer.startSpan("smtp").end());
    const [smtp, call] = spans();
    expect(smtp!.parentSpanContext?.spanId).toBe(call!.spanContext().spanId);
    context.disable();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  it("has the error of fn, and what it does to the key", async () => {
    const { execute, spans } = sdk();
    const error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    expect(await rejection(execute("k", "1m", () => Promise.reject(error)))).toBe(error);
    const span = only(spans());
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: "read ECONNRESET" });
    expect(span.attributes).toMatchObject({
      "idempotency.outcome": "failed",
      "idempotency.policy": "hold",
      "error.type": "ECONNRESET",
    });
    expect(span.events.at(-1)).toMatchObject({
      name: "exception",
      attributes: { "exception.type": "ECONNRESET", "exception.message": "read ECONNRESET" },
    });
  });

  it("shows a wait for another process, and the takeover after it", async () => {
    const [a, b] = processes(2);
    const { execute, spans } = sdk({ store: b!, onUncertain: "rerun", lease: "10s" });
    await a!.claim("k", { token: "t", ttlMs: 60_000, leaseMs: 2_000 });
    const call = execute("k", "1m", () => "sent");
    await pass(3_000);
    await call;
    const events = only(spans()).events.map(({ name, attributes }) => [name, attributes]);
    expect(events).toMatchObject([
      ["idempotency.waiting", { "idempotency.attempt": 1, "idempotency.retry_after_ms": 2_000 }],
      ["idempotency.claimed", { "idempotency.attempt": 2, "idempotency.takeover": true }],
    ]);
  });

  it("shows each error of the store, with the operation", async () => {
    const error = new Error("down");
    const store = faultyStore(memoryStore(), [{ operation: "claim", kind: "fail", times: 2, error }]);
    const { execute, spans } = sdk({ store });
    expect(await rejection(execute("k", "1m", () => 1))).toMatchObject({ code: "STORE_ERROR" });
    const failed = {
      name: "idempotency.store_error",
      attributes: {
        "idempotency.store.operation": "claim",
        "error.type": "Error",
        "exception.message": "down",
      },
    };
    const span = only(spans());
    expect(span.events).toMatchObject([failed, failed, { name: "exception" }]);
    expect(span.attributes).toMatchObject({ "idempotency.outcome": "refused", "error.type": "STORE_ERROR" });
  });

  it("ends with the caller's abort, whatever its run comes to", async () => {
    const { execute, spans, measured } = sdk();
    const work = deferred();
    const controller = new AbortController();
    const call = rejection(execute("k", "1m", () => work.promise, { signal: controller.signal }));
    await pass(1_000);
    controller.abort("the caller left");
    expect(await call).toBe("the caller left");
    work.resolve("sent");
    await pass(1_000);
    expect(only(spans()).attributes).toMatchObject({
      "idempotency.outcome": "aborted",
      "error.type": "_OTHER",
    });
    expect(await measured()).toMatchObject([
      { name: "idempotency.call.duration", count: 1, attributes: { "idempotency.outcome": "aborted" } },
      { name: "idempotency.run.duration", count: 1, attributes: { "idempotency.outcome": "completed" } },
    ]);
  });

  it("ends with the caller's abort where its run stops at once, too", async () => {
    const { execute, spans } = sdk();
    const controller = new AbortController();
    const work = deferred();
    const call = rejection(execute("k", "1m", () => work.promise, { signal: controller.signal }));
    controller.abort("the caller left");
    work.resolve("sent");
    expect(await call).toBe("the caller left");
    expect(only(spans()).attributes).toMatchObject({ "idempotency.outcome": "aborted" });
  });

  it("is there for a call whose arguments are refused", async () => {
    const { execute, spans } = sdk();
    expect(await rejection(execute("", "1m", () => 1))).toMatchObject({ code: "INVALID_KEY" });
    expect(only(spans()).attributes).toEqual({
      "idempotency.outcome": "invalid",
      "error.type": "INVALID_KEY",
    });
  });

  it.each([true, false])("has the key's digest where keys are redacted, by the instance: %s", async bound => {
    const { execute, spans } = sdk(bound ? { redactKeys: true } : {});
    const own: Options = bound ? {} : { redactKeys: true };
    const error = Object.assign(new Error(`No ${KEY}`), { code: "ENOENT" });
    await rejection(execute(KEY, "1m", () => Promise.reject(error), own));
    const span = only(spans());
    expect(span.attributes["idempotency.key"]).toBe(fingerprint(KEY));
    expect(span.events.at(-1)).toMatchObject({
      name: "exception",
      attributes: { "exception.type": "ENOENT" },
    });
    const { name, attributes, events, status } = span;
    expect(JSON.stringify({ name, attributes, events, status })).not.toContain(KEY);
  });
});

describe("an error that cannot be read", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const error = new Error();
  Object.defineProperty(error, "message", {
    get() {
      throw new Error("unreadable");
    },
  });

  it.each([
    ["a revoked proxy", revoked.proxy],
    ["a throwing message", error],
  ])("ends its call's span: %s", async (_, thrown) => {
    const { execute, spans } = sdk();
    const end = execute("k", "1m", () => Promise.reject(thrown)).catch(reason => ({ reason }));
    expect(Object.is(((await end) as { reason: unknown }).reason, thrown)).toBe(true);
    expect(only(spans()).status.code).toBe(SpanStatusCode.ERROR);
  });
});

describe("the metrics", () => {
  it("have the duration of calls by outcome, and of runs, in seconds", async () => {
    const { execute, measured } = sdk({ namespace: "emails" });
    const work = deferred();
    const calls = [execute("k", "1m", () => work.promise), execute("k", "1m", () => work.promise)];
    await pass(2_000);
    work.resolve("sent");
    await Promise.all(calls);
    const unit = "s";
    const namespace = { "idempotency.namespace": "emails" };
    const of = (outcome: string) => ({ ...namespace, "idempotency.outcome": outcome });
    expect(await measured()).toEqual([
      { name: "idempotency.call.duration", unit, attributes: of("completed"), count: 1, sum: 2 },
      { name: "idempotency.call.duration", unit, attributes: of("replayed"), count: 1, sum: 2 },
      { name: "idempotency.run.duration", unit, attributes: of("completed"), count: 1, sum: 2 },
    ]);
  });

  it("count takeovers, lost leases and errors of the store", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail" }]);
    const { execute, forget, measured } = sdk({ store, onUncertain: "rerun", lease: "10s" });
    await rejection(execute("k", "1m", () => Promise.reject(new Error("no")), { onError: () => "hold" }));
    await execute("k", "1m", () => 1);
    const work = deferred();
    const lost = execute("lost", "1m", () => work.promise);
    await forget("lost");
    await pass(10_000);
    work.resolve("sent");
    await lost;
    const counters = (await measured()).filter(({ unit }) => unit !== "s" && unit !== "{key}");
    expect(counters).toEqual([
      { name: "idempotency.takeovers", unit: "{takeover}", attributes: {}, value: 1 },
      { name: "idempotency.lease.losses", unit: "{loss}", attributes: {}, value: 1 },
      {
        name: "idempotency.store.errors",
        unit: "{error}",
        attributes: { "idempotency.store.operation": "complete", "error.type": "Error" },
        value: 1,
      },
    ]);
  });

  it("count the keys that became uncertain, and why (O5)", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail", nth: 3 }]);
    const { execute, measured } = sdk({ store, namespace: "emails" });
    const cut = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    await rejection(execute("held", "1m", () => Promise.reject(cut)));
    await rejection(execute("released", "1m", () => Promise.reject(new Error("no"))));
    await execute("result", "1m", () => ({ status: 504 }), { onResult: () => "hold" });
    await execute("freed", "1m", () => ({ status: 400 }), { onResult: () => "release" });
    await execute("completed", "1m", () => "sent");
    await execute("unstorable", "1m", () => () => {});
    await execute("unrecorded", "1m", () => "sent");
    // A call that meets an uncertain key makes none.
    await rejection(execute("held", "1m", () => "again"));
    const counted = (await measured()).filter(({ name }) => name === "idempotency.uncertain");
    const of = (reason: string, more = {}) => ({
      name: "idempotency.uncertain",
      unit: "{key}",
      attributes: { "idempotency.namespace": "emails", "idempotency.reason": reason, ...more },
      value: 1,
    });
    expect(counted).toEqual([of("error", { "error.type": "ECONNRESET" }), of("result"), of("unrecorded")]);
  });

  it("count the items of a batch, one by one", async () => {
    const store = faultyStore(memoryStore(), [{ operation: "complete", kind: "fail", times: 2 }]);
    const { claimMany: _, completeMany: __, ...single } = store;
    const own = recorder();
    const { executeMany, measured, spans } = sdk({
      store: single,
      namespace: "emails",
      onEvent: own.onEvent,
    });
    const cut = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    const results = [cut, cut, new Error("no"), () => {}, "unrecorded", "sent"];
    const config = { key: (_: unknown, index: number) => `k${index}`, ttl: "1m" } as const;
    await executeMany(results, config, items => [...items] as unknown[]);
    await executeMany([cut], config, items => [...items]);
    const namespace = { "idempotency.namespace": "emails" };
    const uncertain = { name: "idempotency.uncertain", unit: "{key}" };
    const held = { ...namespace, "idempotency.reason": "error", "error.type": "ECONNRESET" };
    const all = await measured();
    expect(all.filter(({ name }) => name === uncertain.name)).toEqual([
      { ...uncertain, attributes: held, value: 2 },
      { ...uncertain, attributes: { ...namespace, "idempotency.reason": "unrecorded" }, value: 1 },
    ]);
    const runs = all.flatMap(({ name, ...metric }) =>
      name === "idempotency.run.duration" && "count" in metric ? [metric.count] : [],
    );
    expect(runs).toEqual([2, 1, 3]);
    const calls = all.flatMap(
      ({ name, attributes: { "idempotency.outcome": outcome, "error.type": type }, ...metric }) =>
        name === "idempotency.call.duration" && "count" in metric
          ? [{ outcome, type, count: metric.count }]
          : [],
    );
    expect(calls).toEqual([
      { outcome: "failed", type: "ECONNRESET", count: 2 },
      { outcome: "failed", type: "Error", count: 1 },
      { outcome: "completed", type: undefined, count: 3 },
      { outcome: "refused", type: "OUTCOME_UNKNOWN", count: 1 },
    ]);
    expect(JSON.stringify(all)).not.toContain("k0");
    expect(own.events.filter(({ type }) => type === "failed")).toHaveLength(3);
    expect(spans()).toEqual([]);
  });

  it("count an item of a batch that was aborted once", async () => {
    const { executeMany, measured } = sdk();
    const controller = new AbortController();
    const work = deferred();
    const config = { key: () => "k", ttl: "1m", signal: controller.signal } as const;
    const all = executeMany([1], config, async () => [await work.promise]);
    await pass(1_000);
    controller.abort();
    expect(await all).toMatchObject([{ status: "rejected" }]);
    work.resolve("sent");
    await pass(0);
    expect(
      (await measured()).map(({ name, attributes }) => [name, attributes["idempotency.outcome"]]),
    ).toEqual([
      ["idempotency.call.duration", "aborted"],
      ["idempotency.run.duration", "completed"],
    ]);
  });

  it("distinguish a held key from a released one", async () => {
    const { execute, measured } = sdk();
    await rejection(execute("a", "1m", () => Promise.reject(new Error("no"))));
    await rejection(execute("b", "1m", () => Promise.reject(new TypeError("no")), { onError: () => "hold" }));
    const runs = (await measured()).filter(({ name }) => name === "idempotency.run.duration");
    const of = (policy: string, type: string) => ({
      "idempotency.outcome": "failed",
      "idempotency.policy": policy,
      "error.type": type,
    });
    expect(runs.map(({ attributes }) => attributes)).toEqual([
      of("release", "Error"),
      of("hold", "TypeError"),
    ]);
  });

  it("count the evictions of a full store", async () => {
    const { meter, measured } = sdk();
    const { execute } = sdk({ store: memoryStore({ maxEntries: 1, onEvict: countEvictions(meter) }) });
    for (const key of ["a", "b", "c"]) await execute(key, "1m", () => 1);
    expect(await measured()).toEqual([
      { name: "idempotency.evictions", unit: "{eviction}", attributes: {}, value: 2 },
    ]);
  });
});

describe("an instrumented instance", () => {
  it.each(Object.keys(COMES_TO))("does what a plain one does, with a span for each call: %s", async name => {
    const { tracer, meter, spans, measured } = sdk();
    let calls = 0;
    const outcome = callScenes(options => {
      const instance = createInstrumentedIdempotency({ ...options, tracer, meter });
      const execute: typeof instance.execute = (...args) => {
        calls++;
        return instance.execute(...args);
      };
      return { ...instance, execute };
    })[name]!();
    await pass(60_000);
    expect(await outcome).toEqual(COMES_TO[name]);
    expect(spans()).toHaveLength(calls);
    const metrics = await measured();
    const ended = metrics.filter(metric => metric.name === "idempotency.call.duration");
    expect(ended.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(calls);
    // A metric with a key on it would have as many series as there are keys.
    expect(JSON.stringify(metrics)).not.toContain(KEY);
    expect(spans().every(({ attributes }) => attributes["idempotency.outcome"] !== "invalid")).toBe(true);
  });

  it("wraps functions, and keeps this", async () => {
    const { makeIdempotent, spans } = sdk();
    const email = makeIdempotent(
      function (this: { from: string }, to: string) {
        return `${this.from} to ${to}`;
      },
      { key: to => ["email", to], ttl: "1m" },
    );
    expect(await email.call({ from: "shop" }, "ada")).toBe("shop to ada");
    expect(only(spans()).attributes["idempotency.key"]).toBe("email:ada");
    expect(() => makeIdempotent(() => 1, { key: () => "k", ttl: "5x" as never })).toThrow(/duration/i);
  });

  it("calls its own listener, or that of a call in its place", async () => {
    const bound = recorder();
    const own = recorder();
    const { execute } = sdk({ onEvent: bound.onEvent });
    await execute("a", "1m", () => 1);
    await execute("b", "1m", () => 1, { onEvent: own.onEvent });
    const keys = (events: IdempotencyEvent[]) => events.map(({ key }) => key);
    expect([keys(bound.events), keys(own.events)]).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });

  it("does not call a listener without subscribers", async () => {
    const onEvent = Object.assign(vi.fn(), { hasSubscribers: false });
    const { execute, spans } = sdk({ onEvent });
    await execute("a", "1m", () => 1);
    expect(onEvent).not.toHaveBeenCalled();
    expect(spans()).toHaveLength(1);
  });

  it.each([
    [null, "options: expected a plain object; got null"],
    [Promise.resolve({}), "options: expected a plain object; got a promise"],
    [{ tracer: {} }, "tracer: expected a Tracer; got an object with no keys without startSpan"],
    [
      { meter: {} },
      "meter: expected a Meter; got an object with no keys without createHistogram, createCounter",
    ],
    [{ onEvent: 1 }, "onEvent: expected a function; got 1"],
  ])("checks its options at once: %#", (options, message) => {
    expect(() => createInstrumentedIdempotency(options as never)).toThrow(message);
  });

  it.each([
    ["1h", 'options: expected a plain object; got "1h"'],
    [null, "options: expected a plain object; got null"],
    [[], "options: expected a plain object; got an empty array"],
    [Promise.resolve({ lease: "1m" }), "options: expected a plain object; got a promise"],
    [{ onEvent: 1 }, "onEvent: expected a function; got 1"],
  ])("refuses the options of a call as a plain one does: %#", async (own, message) => {
    const { execute } = sdk();
    expect(await rejection(execute("k", "1m", () => 1, own as never))).toMatchObject({ message });
  });

  it("refuses what is no function as a plain one does", async () => {
    const { execute } = sdk();
    expect(await rejection(execute("k", "1m", 1 as never))).toMatchObject({ code: "INVALID_OPTION" });
  });

  it("works without an SDK", async () => {
    const { execute } = createInstrumentedIdempotency({ store: memoryStore() });
    expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent" });
  });
});

describe("telemetry that fails changes nothing", () => {
  const thrown = (error: Error): never => {
    throw error;
  };
  const fails = () => thrown(new Error("of the telemetry"));
  const quiet = { forceFlush: async () => {}, shutdown: async () => {}, onStart() {}, onEnd() {} };

  it.each([
    ["as a span starts", { onStart: fails }],
    ["as a span ends", { onEnd: fails }],
  ])("%s", async (_, failing) => {
    const { execute } = sdk({}, [{ ...quiet, ...failing }]);
    const fn = vi.fn(() => "sent");
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: false });
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
    const error = new Error("fn's own");
    expect(await rejection(execute("e", "1m", () => Promise.reject(error)))).toBe(error);
  });

  it("as a metric is recorded", async () => {
    const { meter } = sdk();
    vi.spyOn(meter, "createHistogram").mockReturnValue({ record: fails });
    const { execute } = sdk({ meter });
    expect(await execute("k", "1m", () => "sent")).toMatchObject({ value: "sent" });
  });

  type With = ContextManager["with"];
  const run = (fn: unknown, self: unknown, args: unknown[]) => (fn as () => never).apply(self, args as []);
  const managers: Record<string, Partial<ContextManager>> = {
    "as the active context is asked for": { active: fails },
    "before it runs anything in a context": { with: fails },
    "after it has run something in a context": {
      with: (_, fn, self, ...args) => {
        run(fn, self, args);
        return fails();
      },
    },
    "by running nothing": { with: (() => undefined) as With },
    "by running it twice": {
      with: ((_, fn, self, ...args) => [1, 2].map(() => run(fn, self, args))) as With,
    },
    "by swallowing errors": {
      with: ((_, fn, self, ...args) => {
        try {
          return run(fn, self, args);
        } catch {
          return undefined;
        }
      }) as With,
    },
    "by errors of its own in place of others": {
      with: (_, fn, self, ...args) => {
        try {
          return run(fn, self, args);
        } catch {
          return fails();
        }
      },
    },
  };

  it.each(Object.entries(managers))("a context manager that fails %s", async (_, failing) => {
    const manager: ContextManager = {
      active: () => ROOT_CONTEXT,
      with: (_context, fn, self, ...args) => run(fn, self, args) as never,
      bind: (_context, target) => target,
      enable: () => manager,
      disable: () => manager,
      ...failing,
    };
    context.disable();
    context.setGlobalContextManager(manager);
    onTestFinished(() => {
      context.disable();
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    });
    const { execute } = sdk();
    const fn = vi.fn(() => "sent");
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: false, persisted: true });
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
    for (const reject of [(error: Error) => Promise.reject(error), (error: Error) => thrown(error)]) {
      const error = new Error("fn's own");
      const failed = vi.fn(() => reject(error));
      expect(await rejection(execute("e", "1m", failed))).toBe(error);
      expect(failed).toHaveBeenCalledTimes(1);
    }
  });

  it("as an event is counted, added to the span or heard by the caller's listener", async () => {
    const { meter, tracer } = sdk();
    vi.spyOn(meter, "createCounter").mockReturnValue({ add: fails });
    const startSpan = tracer.startSpan.bind(tracer);
    vi.spyOn(tracer, "startSpan").mockImplementation((...args) =>
      Object.assign(startSpan(...args), { addEvent: fails, setAttribute: fails }),
    );
    const heard: string[] = [];
    const onEvent = ({ type }: IdempotencyEvent) => {
      heard.push(type);
      fails();
    };
    const { execute } = sdk({ meter, tracer, onEvent, onUncertain: "rerun" });
    const fn = vi.fn(() => "sent");
    const cut = Object.assign(new Error("cut"), { code: "ECONNRESET" });
    expect(await rejection(execute("k", "1m", () => Promise.reject(cut)))).toBe(cut);
    // A takeover, which has a counter.
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", persisted: true, attempt: 2 });
    expect(await execute("k", "1m", fn)).toMatchObject({ value: "sent", replayed: true });
    expect(fn).toHaveBeenCalledTimes(1);
    expect(heard).toEqual(["claimed", "failed", "claimed", "completed", "replayed"]);
  });

  it("as an eviction is counted", async () => {
    const { meter } = sdk();
    vi.spyOn(meter, "createCounter").mockReturnValue({ add: fails });
    const { execute } = sdk({ store: memoryStore({ maxEntries: 1, onEvict: countEvictions(meter) }) });
    await execute("a", "1m", () => 1);
    expect(await execute("b", "1m", () => "sent")).toMatchObject({ value: "sent", persisted: true });
  });
});
