import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { beforeAll, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/index.ts";
import { countEvictions, createInstrumentedIdempotency } from "../../src/opentelemetry.ts";
import { VERBS } from "../../src/operate/command/verbs.ts";
import { faultyStore } from "../../src/testing.ts";
import { ROOT } from "./child.ts";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const guide = read("docs/operations.md");
const dashboard = JSON.parse(read("docs/operations/dashboard.json"));

/** The metrics that there are, by their names in Prometheus, each with its labels. */
const metrics = new Map<string, Set<string>>();

const PERIOD = /[.]/g;
/** As OpenTelemetry's specification translates a name: a unit in braces is none. */
function namesOf(name: string, unit: string): string[] {
  const base = name.replace(PERIOD, "_");
  if (unit !== "s") return [`${base}_total`];
  return ["count", "sum", "bucket"].map(part => `${base}_seconds_${part}`);
}

beforeAll(async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meter = new MeterProvider({ readers: [reader] }).getMeter("test");
  const evicting = memoryStore({ maxEntries: 1, onEvict: countEvictions(meter) });
  const store = faultyStore(memoryStore(), [
    { operation: "read", kind: "fail" },
    { operation: "complete", kind: "fail" },
    { operation: "complete", kind: "answer", value: false, nth: 2 },
  ]);
  const emails = createInstrumentedIdempotency({ namespace: "emails", meter, store, lease: "1s" });
  const cut = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  await emails.withIdempotency("a", "1m", () => "unrecorded");
  await emails.withIdempotency("b", "1m", () => Promise.reject(cut)).catch(() => {});
  await emails.withIdempotency("b", "1m", () => "again").catch(() => {});
  await emails.withIdempotency("b", "1m", () => "again", { onUncertain: "rerun" }).catch(() => {});
  const { withIdempotency } = createInstrumentedIdempotency({ namespace: "other", meter, store: evicting });
  for (const key of ["a", "b"]) await withIdempotency(key, "1m", () => 1);
  // A run whose key is taken from it, which its next renewal notices.
  const lost = createInstrumentedIdempotency({ namespace: "lost", meter, store: memoryStore(), lease: "1s" });
  await lost.withIdempotency("a", "1m", async ({ signal }) => {
    await lost.forget("a");
    await new Promise(resolve => signal.addEventListener("abort", resolve));
  });
  const { resourceMetrics } = await reader.collect();
  for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) => all)) {
    const labels = dataPoints.flatMap(({ attributes }) => Object.keys(attributes));
    for (const name of namesOf(descriptor.name, descriptor.unit)) {
      metrics.set(name, new Set([...labels, "le"].map(label => label.replace(PERIOD, "_"))));
    }
  }
});

const METRIC = /\bidempotency_[a-z_]+_(?:total|count|sum|bucket)\b/g;
const LABEL = /\b(?:idempotency_[a-z_]+|error_type|le)\b/g;

const ofDashboard: string[] = dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) =>
  panel.targets.map(({ expr }) => expr),
);
const ofAlerts = Array.from(guide.matchAll(/^ +expr: (.*)$/gm), ([, expr]) => expr!);

/** What an expression asks for that there is not. */
function missingIn(expression: string): string[] {
  const names: string[] = expression.match(METRIC) ?? [];
  const words: string[] = expression.match(LABEL) ?? [];
  const labels = words.filter(word => !names.includes(word));
  const unknown = names.filter(name => !metrics.has(name));
  const unlabelled = labels.filter(label => names.some(name => !metrics.get(name)?.has(label)));
  return [...unknown, ...unlabelled, ...(names.length === 0 ? [`no metric in ${expression}`] : [])];
}

describe("the dashboard and the alerts", () => {
  it("ask for metrics and labels that there are", () => {
    expect(ofDashboard.length).toBeGreaterThan(8);
    expect(ofAlerts.length).toBe(5);
    const all = [...ofDashboard, ...ofAlerts];
    expect(all.flatMap(expression => missingIn(expression))).toEqual([]);
  });

  it("show every metric", () => {
    const shown = ofDashboard.join("\n");
    const families = [...metrics.keys()].map(name => name.replace(/_(total|count|sum|bucket)$/, ""));
    expect([...new Set(families)].filter(family => !shown.includes(family))).toEqual([]);
    expect(new Set(families).size).toBe(7);
  });

  it("would miss what is not there", () => {
    expect(missingIn("idempotency_lost_total")).toEqual(["idempotency_lost_total"]);
    expect(missingIn("sum by (error_type) (idempotency_takeovers_total)")).toEqual(["error_type"]);
  });

  it("are panels side by side, each with its own place and words", () => {
    const places = dashboard.panels.map(
      ({ gridPos: { x, y } }: { gridPos: { x: number; y: number } }) => `${x},${y}`,
    );
    expect(new Set(places).size).toBe(places.length);
    for (const { title, description } of dashboard.panels) expect(title && description).toBeTruthy();
  });
});

describe("the guide", () => {
  it("names every command", () => {
    for (const name of Object.keys(VERBS)) expect(guide).toMatch(new RegExp(`^\\| \`${name}\\b`, "m"));
  });

  it("shows calls of the command with options that it has", () => {
    const calls = Array.from(guide.matchAll(/^npx with-idempotency (\w+) (.*)$/gm));
    expect(calls.length).toBeGreaterThan(4);
    for (const [, name, rest] of calls) {
      const flags = Array.from(rest!.matchAll(/--([a-z-]+)/g), ([, flag]) => flag!);
      const known: string[] = [...VERBS[name!]!.flags, "redis"];
      expect(flags.filter(flag => !known.includes(flag))).toEqual([]);
    }
  });
});
