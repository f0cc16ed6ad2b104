const TYPES = ["order.placed", "order.paid", "order.shipped", "order.delivered", "order.cancelled"] as const;

/** One line of an event log: what a message broker delivers, sometimes more than once. */
export interface OrderEvent {
  /** When it was delivered. Consecutive lines of the same instant are delivered at once. */
  at: string;
  /** The same for each delivery of one event. */
  id: string;
  type: (typeof TYPES)[number];
  order: string;
  customer: { name: string; email: string };
  /** What the email says beside the order's number. */
  details: Record<string, string | number>;
}

/** A log that cannot be used; its message has a line for each fault. */
export class LogError extends Error {
  override readonly name = "LogError";
}

const MAX_REPORTED = 10;
const EMAIL = /^[\w.+-]+@[\w-]+(\.[\w-]+)+$/;

// A line feed would break a header; a lone surrogate does not survive the way through an email.
const isText = (value: unknown): value is string =>
  typeof value === "string" && value.trim() !== "" && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isDetail = (value: unknown): boolean => isText(value) || typeof value === "number";
const isDetails = (value: unknown): boolean =>
  isObject(value) && Object.keys(value).every(isText) && Object.values(value).every(isDetail);

const RULES: readonly (readonly [field: string, expected: string, holds: (value: unknown) => boolean])[] = [
  ["at", 'a time such as "2026-03-02T09:00:00Z"', value => isText(value) && !Number.isNaN(Date.parse(value))],
  ["id", "a line of text", isText],
  ["type", `one of ${TYPES.join(", ")}`, value => TYPES.some(type => type === value)],
  ["order", "a line of text", isText],
  ["customer.name", "a line of text", isText],
  ["customer.email", "an email address", value => isText(value) && EMAIL.test(value)],
  ["details", "an object of texts and numbers", isDetails],
];

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((found, name) => (isObject(found) ? found[name] : undefined), value);
}

/** What is wrong with a line, or undefined. */
function faultOf(line: unknown): string | undefined {
  if (!isObject(line)) return `expected an object; got ${show(line)}`;
  const broken = RULES.find(([field, , holds]) => !holds(at(line, field)));
  return broken && `expected ${broken[0]} to be ${broken[1]}; got ${show(at(line, broken[0]))}`;
}

function parseLine(text: string): OrderEvent | string {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return `expected a JSON object; got ${show(text)}`;
  }
  return faultOf(line) ?? (line as OrderEvent);
}

/**
 * Reads a log of one JSON object a line. Blank lines are skipped.
 *
 * @throws LogError that names each malformed line: what was expected, and what came.
 */
export function parseEvents(text: string, source: string): OrderEvent[] {
  const events: OrderEvent[] = [];
  const faults: string[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    if (line.trim() === "") continue;
    const parsed = parseLine(line.trim());
    if (typeof parsed === "string") faults.push(`${source}, line ${index + 1}: ${parsed}`);
    else events.push(parsed);
  }
  if (faults.length > MAX_REPORTED) {
    faults.splice(MAX_REPORTED, faults.length, `… and ${faults.length - MAX_REPORTED} more malformed lines`);
  }
  if (faults.length > 0) throw new LogError(faults.join("\n"));
  if (events.length === 0) throw new LogError(`${source}: expected at least one event; the log is empty`);
  return events;
}

/** Groups consecutive events of the same instant: these are delivered at once. */
export function burstsOf(events: readonly OrderEvent[]): OrderEvent[][] {
  const bursts: OrderEvent[][] = [];
  for (const event of events) {
    const last = bursts.at(-1);
    if (last?.[0]?.at === event.at) last.push(event);
    else bursts.push([event]);
  }
  return bursts;
}
