import {
  BARE,
  GATEWAY,
  LOST,
  REJECTED,
  REPEATED,
  type Signs,
  SMTP_REJECTED,
  UNREACHABLE,
  UNREADABLE,
  UNSENT,
  WORDS,
  WRAPPERS,
} from "./error-signs.ts";

// What an error and all that it wraps say, as bits. Above these: which of REPEATED failed before sending.
const MAYBE_SENT = 1;
const NEVER_SENT = 2;
const NOTHING_DONE = 4;
const REPEATED_BASE = 8;

// Bounds the walk through errors that make new ones for ever, and lists that claim to be endless.
const MAX_READS = 2_000_000;
const MAX_LIST = 10_000;

const STATUS_FIELDS = ["status", "statusCode", "httpStatusCode", "error_code"];

// Anything may be thrown, so any read may throw: at a throwing getter, a revoked proxy. At null it costs more.
function read(target: unknown, property: string | number): unknown {
  try {
    return (target as Record<string | number, unknown> | null | undefined)?.[property];
  } catch {
    return undefined;
  }
}

function text(target: unknown, property: string): string {
  const value = read(target, property);
  return typeof value === "string" ? value : "";
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/** What it reads as, where it is no object: an object may not even become a text. */
const plain = (value: unknown): string => (isObject(value) ? "" : String(value));

function shows(error: object, signs: Signs): boolean {
  return Object.keys(signs).some(property => signs[property]!.test(text(error, property)));
}

/** The statuses that it names, as text. SendGrid's errors have theirs as `code`, beside the answer. */
function statuses(error: object): string[] {
  const response = read(error, "response");
  const found: unknown[] = [];
  for (const source of [error, response, read(error, "$metadata")])
    if (isObject(source)) for (const field of STATUS_FIELDS) found.push(read(source, field));
  if (isObject(response) || isObject(read(error, "headers"))) found.push(read(error, "code"));
  return found.filter(status => /^[1-5]\d\d$/.test(plain(status))).map(plain);
}

// gRPC's CANCELLED and DEADLINE_EXCEEDED, which always come with a text in `details`.
function isEndedCall(error: object): boolean {
  const code = read(error, "code");
  return (code === 1 || code === 4) && text(error, "details") !== "";
}

function repeatedBit(error: object): number {
  const name = text(error, "code") || text(error, "name");
  const index = REPEATED.findIndex(pattern => pattern.test(name));
  return index < 0 ? 0 : REPEATED_BASE << index;
}

// Some clients keep, or even throw, the text of an error: "Error: read ECONNRESET".
function asError(value: unknown): unknown {
  const name = typeof value === "string" && /^\w*Error(?=: )/.exec(value)?.[0];
  return name ? { name, message: value } : value;
}

/** What stands where an error may be in it. */
function inside(error: object): unknown[] {
  const found = WRAPPERS.map(property => read(error, property));
  const errors = read(error, "errors");
  const size = errors && read(errors, "length");
  const length = typeof size === "number" ? Math.min(size, MAX_LIST) : 0;
  for (let index = 0; index < length; index += 1) found.push(read(errors, index));
  return found;
}

/** What it says by itself, given what the errors in it say. */
function judge(error: object, below: number, wraps: boolean): number {
  const answers = statuses(error);
  if (answers.some(status => GATEWAY.test(status))) return MAYBE_SENT;
  const repeated = repeatedBit(error);
  const established = /^(read|write)/.test(text(error, "syscall"));
  const answered = answers.some(status => status >= "400");
  // The code of another Durable Object threw it, and may have done something before.
  const isRemote = read(error, "remote") === true;
  if (!established && !answered && !isRemote && shows(error, UNSENT))
    return NEVER_SENT | NOTHING_DONE | repeated;
  const lost = shows(error, LOST) || isEndedCall(error) || (established && shows(error, UNREACHABLE));
  if (lost && (established || !(below & repeated))) return MAYBE_SENT;
  if (answered) return answers.every(status => REJECTED.test(status)) ? NOTHING_DONE : 0;
  if (SMTP_REJECTED.test(plain(read(error, "responseCode")))) return NOTHING_DONE;
  if (!(below & NEVER_SENT) && (shows(error, WORDS) || shows(error, UNREADABLE))) return MAYBE_SENT;
  if (!wraps && shows(error, BARE)) return MAYBE_SENT;
  return below & NOTHING_DONE;
}

/** What the errors in it say together: nothing was done where each of them says so. */
function combine(inner: readonly object[], evidence: ReadonlyMap<unknown, number>): number {
  let all = 0;
  let proven = true;
  for (const error of inner) {
    const bits = evidence.get(error);
    if (bits === undefined) continue; // a cycle comes back to it
    all |= bits;
    proven &&= (bits & NOTHING_DONE) !== 0;
  }
  return proven ? all : all & ~NOTHING_DONE;
}

// With a stack of its own: causes may go deeper than calls can.
function weigh(value: unknown): number {
  const thrown = asError(value);
  const evidence = new Map<unknown, number>();
  const opened = new Map<unknown, readonly object[]>();
  const stack = [thrown].filter(isObject);
  let count = 0;
  for (let error = stack.at(-1); error; error = stack.at(-1)) {
    const inner = opened.get(error);
    if (inner || count > MAX_READS) {
      stack.pop();
      if (!inner || evidence.has(error)) continue;
      const below = combine(inner, evidence);
      evidence.set(error, (below & ~NOTHING_DONE) | judge(error, below, inner.length > 0));
    } else {
      const places = inside(error);
      const found = places.map(asError).filter(isObject);
      opened.set(error, found);
      count += places.length; // not only the errors: a list may claim to be endless
      for (const next of found) if (!opened.has(next)) stack.push(next);
    }
  }
  const bits = evidence.get(thrown) ?? 0;
  return count > MAX_READS ? bits & ~NOTHING_DONE : bits;
}

/**
 * Returns true if an error means that a request may have reached its target but no answer came back. Nobody can
 * then know whether the side effect happened, and running it again may do it twice. The default `onError` policy
 * uses this to choose between `"hold"` and `"release"`.
 *
 * - True for a connection that broke or timed out after connecting (`ECONNRESET`, `EPIPE`, `ETIMEDOUT`,
 *   `UND_ERR_SOCKET`, a body cut short…), an `AbortError` or `TimeoutError`, an answer that could not be
 *   parsed, a gateway's status (499, 502, 504, 520, 524, 598, 599), a database's connection that ended under
 *   a statement, and a network error that names no cause.
 * - False if nothing can have been sent (`ECONNREFUSED`, `ENOTFOUND`, a refused certificate, anything with
 *   `syscall: "connect"`), if an answer came, and for any other error.
 *
 * It also looks at wrapped errors in `cause`, `errors`, `error`, `detail`, `original`, `originalError`, `reason`,
 * `raw` and `innerError`, at any depth. A single failure that may have been in transit is enough. It never throws.
 * docs/clients.md lists its answers for the common clients.
 *
 * @example
 * ```ts
 * import { interruptedInTransit } from "with-idempotency";
 *
 * const cut = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
 * const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
 * console.log(interruptedInTransit(new Error("not sent", { cause: cut }))); // → true
 * console.log(interruptedInTransit(new Error("not sent", { cause: refused }))); // → false
 * ```
 */
export function interruptedInTransit(error: unknown): boolean {
  return (weigh(error) & MAYBE_SENT) !== 0;
}

/**
 * Returns true only if an error proves that nothing happened: nothing can have been sent, or the target rejected
 * the request (a status from 400 to 499 other than 408, 409, 425 and 499; an SMTP reply from 500 to 599, or 421 or
 * 450–452). It is the cautious counterpart of {@link interruptedInTransit}. Use it for payments, and for providers
 * whose 500 or 503 may follow the effect: release the key only on proof, otherwise hold it.
 *
 * It looks at the same wrapped errors. If there are several, each must prove it.
 *
 * @example
 * ```ts
 * import { certainlyNotDone, createIdempotency } from "with-idempotency";
 *
 * const payments = createIdempotency({
 *   namespace: "payments",
 *   onError: error => (certainlyNotDone(error) ? "release" : "hold"),
 * });
 * const unavailable = () => Promise.reject(Object.assign(new Error("try later"), { status: 503 }));
 * await payments.withIdempotency("order:42", "1h", unavailable).catch(error => error);
 * console.log((await payments.inspect("order:42"))?.state); // → uncertain
 * ```
 */
export function certainlyNotDone(error: unknown): boolean {
  return (weigh(error) & (MAYBE_SENT | NOTHING_DONE)) === NOTHING_DONE;
}
