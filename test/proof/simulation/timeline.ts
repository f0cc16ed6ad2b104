import { isDeepStrictEqual } from "node:util";
import type { HistoryEvent, StoreEvent, Violation } from "../history/events.ts";
import type { Plan } from "./plan.ts";

/** A history for people: one line for each thing that happened, in the order in which it did. */
export function timeline(history: readonly HistoryEvent[], violations: readonly Violation[] = []): string {
  const tokens = new Map<string, string>();
  const lines = history
    .filter(event => event.type !== "send" && event.type !== "left")
    .map(event => `${String(event.at).padStart(7)} ms  ${event.process.padEnd(8)} ${textOf(event, tokens)}`);
  const broken = violations.map(({ promise, at, message }) => `✗ ${promise} at ${at} ms: ${message}`);
  return [...lines, ...broken].join("\n");
}

/** The plan in a few lines. */
export function planText({ calls, batches, faults, ...plan }: Plan): string {
  const lines = [...calls, ...batches, ...faults].map(part => `  ${JSON.stringify(part)}`);
  return [JSON.stringify(plan), ...lines].join("\n");
}

function textOf(event: HistoryEvent, tokens: Map<string, string>): string {
  switch (event.type) {
    case "call":
      return `${event.call} calls ${event.key} (${event.onUncertain}${event.fingerprint ? `, fingerprint ${event.fingerprint}` : ""})`;
    case "start":
      return `${event.call} fn starts, attempt ${event.attempt}`;
    case "effect":
      return `${event.call} SIDE EFFECT`;
    case "end":
      return `${event.call} fn returns ${show(event.value)}`;
    case "throw":
      return `${event.call} fn throws ${event.error} (${event.policy})`;
    case "lost":
      return `${event.call} signal aborts: ${event.reason}`;
    case "result":
      return `${event.call} gets ${show(event.value)}${event.replayed ? ", replayed" : ""}${event.persisted ? "" : ", not persisted"}`;
    case "refused":
      return `${event.call} is refused: ${event.code ?? event.error}`;
    case "many":
      return `${event.batch} makes ${event.calls}, at most ${event.batchSize} at once`;
    case "batch":
      return `${event.batch} fn starts with ${event.calls}`;
    case "outcomes":
      return `${event.batch} is over${event.hasLeft ? ", for its reader has left" : ""}`;
    case "store":
      return `  store: ${storeText(event, tokens)}`;
    case "note":
      return event.text;
    case "clock":
      return `the clock is set by ${event.byMs} ms`;
    case "resolve":
      return `resolves ${event.key} with ${show(event.value)}`;
    default:
      return event.type.toUpperCase();
  }
}

function storeText(event: StoreEvent, tokens: Map<string, string>): string {
  const { operation, token, key, answer, heard, request } = event;
  if (token !== undefined && !tokens.has(token)) tokens.set(token, `#${tokens.size + 1}`);
  const what = [operation, key, token && tokens.get(token), request?.rerun && "rerun"]
    .filter(Boolean)
    .join(" ");
  const answered = typeof answer === "object" ? (answer as { status?: string }).status : String(answer);
  const attempt = (answer as { attempt?: number } | undefined)?.attempt;
  return `${what} → ${answered}${attempt ? ` ${attempt}` : ""}${heard ? "" : " (unheard)"}`;
}

function show(value: unknown): string {
  const { by, unstorable, tags } = value as { by?: string; unstorable?: string; tags?: string[] };
  const spoilt = tags === undefined || isDeepStrictEqual(tags, []) ? "" : `, ${tags}`;
  return by === undefined ? `the unstorable receipt of ${unstorable}` : `the result of ${by}${spoilt}`;
}
