// A row names a property of an error and the texts of it that count. What the clients throw was observed by
// running them against broken servers, or read in their source; the tests hold the shapes.
type Signs = Readonly<Record<string, RegExp>>;

const UNSENT_CODE =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)UNREACH|UND_ERR_CONNECT_TIMEOUT)$|CERT|LEAF_SIGNATURE/;

// It failed before a request could go out, or the peer vouches that it has not looked at it.
const UNSENT: Signs = {
  syscall: /^(connect|getaddrinfo)$/,
  event: /^(lookup|connect|secureConnect)$/,
  code: UNSENT_CODE,
  originalCode: UNSENT_CODE,
  message:
    /\bconnect E[A-Z]{4}|^(Connection timeout|Greeting never received)$|not establish a connection|before secure TLS connection|REFUSED_STREAM/,
  details: /^Deadline exceeded after (?!.*previous attempts).*waiting for/i,
};

// The connection, the wait or the answer broke off when a request may have been under way.
const LOST: Signs = {
  code: /^(ECONN(RESET|ABORTED|ECTION)|EPIPE|ETIMEDOUT|ESOCKET|ERR_(CANCELED|STREAM_PREMATURE_CLOSE)|ERR_HTTP2_(STREAM_|SESSION_)?ERROR|UND_ERR_(SOCKET|(HEADERS|BODY)_TIMEOUT|INFO|DESTROYED)|HPE_\w+|LEASE_LOST)$/,
  name: /^(AbortError|TimeoutError|HTTPParserError)$/,
  message:
    /premature close|stream has been (aborted|early terminated)|not get a response|abnormally aborted|client error \(SendRequest\)|^Connection reset by peer|reading a body from connection/i,
  details:
    /^(Connection dropped|(read|write) E(CONNRESET|TIMEDOUT)|Received (RST_STREAM|HTTP status code 50[24])|Write (error|failed))/,
};

// Names for any network failure: with a cause the cause decides, without one nobody can know.
const BARE: Signs = {
  code: /^ERR_NETWORK$/,
  message:
    /^(fetch failed|Failed to fetch|Load failed|NetworkError when attempting to fetch resource|Network (error|request failed|connection lost)|The network connection was lost)( \(.*\))?\.?$/i,
};

// Before connecting these say that nothing was sent; an established connection may end with them too.
const UNREACHABLE: Signs = { code: /^E(HOST|NET)UNREACH$/ };

const STATUS_FIELDS = ["status", "statusCode", "httpStatusCode", "code"];

// Bounds the walk, and each list of `errors` within it.
const MAX_ERRORS = 256;

// What an error and all below it say: `true` where a request may be under way, or the name of a failure that
// sent nothing, so that a wrapper which repeats that name is not taken for a failure of its own.
type Evidence = true | string;

// Anything may be thrown, so any read may throw: at null, a throwing getter, a revoked proxy.
function read(target: unknown, property: string | number): unknown {
  try {
    return (target as Record<string | number, unknown>)[property];
  } catch {
    return undefined;
  }
}

function text(target: unknown, property: string): string {
  const value = read(target, property);
  return typeof value === "string" ? value : "";
}

function shows(error: unknown, signs: Signs): boolean {
  return Object.entries(signs).some(([property, pattern]) => pattern.test(text(error, property)));
}

// A gateway answered in place of the target. SendGrid's errors have the status as their `code`.
function hasGatewayStatus(error: unknown): boolean {
  return [error, read(error, "response"), read(error, "$metadata")]
    .flatMap(place => STATUS_FIELDS.map(field => read(place, field)))
    .some(status => status === 502 || status === 504);
}

// gRPC's CANCELLED and DEADLINE_EXCEEDED, which always come with a text in `details`.
function isEndedCall(error: unknown): boolean {
  const code = read(error, "code");
  return (code === 1 || code === 4) && text(error, "details") !== "";
}

// Clients name one timeout in several ways as they wrap it.
function failureName(error: unknown): string {
  const name = text(error, "code") || text(error, "name");
  return /TIMED?_?OUT/i.test(name) ? "timeout" : name;
}

function judge(error: unknown, below: readonly Evidence[]): Evidence | undefined {
  const name = failureName(error);
  const established = /^(read|write)/.test(text(error, "syscall"));
  if (hasGatewayStatus(error)) return true;
  if (!established && shows(error, UNSENT)) return name;
  const lost = shows(error, LOST) || isEndedCall(error) || (established && shows(error, UNREACHABLE));
  if (lost && (established || !below.includes(name))) return true;
  return shows(error, BARE) && read(error, "cause") == null ? true : undefined;
}

function inner(error: unknown): unknown[] {
  const errors = read(error, "errors");
  const size = read(errors, "length");
  const length = typeof size === "number" ? Math.min(size, MAX_ERRORS) : 0;
  return [read(error, "cause"), ...Array.from({ length }, (_, index) => read(errors, index))];
}

function weigh(error: unknown, seen: Map<unknown, readonly Evidence[]>): readonly Evidence[] {
  const known = seen.get(error);
  if (known || seen.size >= MAX_ERRORS) return known ?? [];
  seen.set(error, []); // what a cycle comes back to
  // Once each: two errors that share their causes, level upon level, would double them every time.
  const below = [...new Set(inner(error).flatMap(cause => weigh(cause, seen)))];
  const evidence = below.concat(judge(error, below) ?? []);
  seen.set(error, evidence);
  return evidence;
}

/**
 * True when an error says that a request may have reached its target while no answer came back: nobody can
 * know whether the side effect happened, and running it again may do it twice. It is what the default
 * `onError` policy asks to choose between `"hold"` and `"release"`.
 *
 * - True for a connection that broke or timed out after connecting (`ECONNRESET`, `EPIPE`, `ETIMEDOUT`,
 *   `UND_ERR_SOCKET`, a body cut short…), an `AbortError` or `TimeoutError`, a status 502 or 504, and a
 *   network error that names no cause.
 * - False where nothing can have been sent (`ECONNREFUSED`, `ENOTFOUND`, a certificate that is refused,
 *   anything with `syscall: "connect"`), where an answer came, and for any other error.
 *
 * It knows the errors of fetch, `node:http`, undici, axios, got, nodemailer, the AWS SDK and gRPC. It looks
 * at the whole `cause` chain and at the `errors` of an `AggregateError`: one failure that may have been in
 * transit counts, whatever the others say. It never throws, whatever it is given.
 *
 * @example
 * ```ts
 * const onError = (error: unknown) => (interruptedInTransit(error) ? "hold" : "release");
 * ```
 */
export function interruptedInTransit(error: unknown): boolean {
  return weigh(error, new Map()).includes(true);
}
