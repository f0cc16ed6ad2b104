import { describe, expect, test } from "vitest";
import { interruptedInTransit } from "../../../src/contract/error-policy.ts";
import { error, hangUp, noConnection, type Row, refused } from "./error-policy.shapes.ts";

const WRAPPERS = ["cause", "error", "detail", "original", "originalError", "reason", "raw", "innerError"];
const html = "<html><body>502 Bad Gateway</body></html>";

describe.each(WRAPPERS)("wrapped as %s", property => {
  test("a cut is found, and a refusal is left a refusal", () => {
    expect(interruptedInTransit(error({ [property]: hangUp }))).toBe(true);
    expect(interruptedInTransit(error({ [property]: refused }))).toBe(false);
    expect(interruptedInTransit(error({ errors: [{ [property]: hangUp }] }))).toBe(true);
  });

  test("a refusal decides over words of its wrapper that fit any failure", () => {
    for (const message of ["Request timed out.", "fetch failed", "Socket closed unexpectedly"]) {
      expect(interruptedInTransit(error({ message, [property]: refused }))).toBe(false);
      expect(interruptedInTransit(error({ message, [property]: noConnection }))).toBe(false);
      expect(interruptedInTransit(error({ message, [property]: hangUp }))).toBe(true);
    }
  });

  test("a cycle ends, and hides nothing", () => {
    const first = error({});
    const second = error({ [property]: first });
    expect(interruptedInTransit(Object.assign(first, { [property]: second }))).toBe(false);
    expect(interruptedInTransit(Object.assign(second, { code: "ECONNRESET" }))).toBe(true);
    expect(interruptedInTransit(first)).toBe(true);
  });
});

// As docs/clients.md found them.
const LOST: Row[] = [
  ["stainless SDKs (openai, anthropic, knock, courier)", error({ message: "Request timed out." })],
  ["node-fetch 2: a timeout", error({ message: "network timeout at: http://api/", type: "request-timeout" })],
  ["request: a timeout", error({ message: "ESOCKETTIMEDOUT" })],
  ["request: a timeout, by its code", error({ code: "ESOCKETTIMEDOUT" })],
  ["mailgun.js: a code as the message, beside a status of its own", { status: 400, message: "ECONNRESET" }],
  ["mailgun.js: a body cut", { status: 200, message: "OK", details: "stream has been aborted" }],
  ["brevo: a timeout", error({ message: '"timeout"' })],
  [
    "grammy: a timeout",
    { error: error({ message: "Request to 'sendMessage' timed out after 0.3 seconds" }) },
  ],
  ["needle: a body cut", error({ message: "read timeout" })],
  ["messagebird: a body cut", error({ message: "request closed" })],
  ["postmark: a timeout", error({ message: "The operation was aborted due to timeout", statusCode: 0 })],
  [
    "resend: any failure",
    { name: "application_error", message: "Unable to fetch data. The request could not be resolved." },
  ],
  ["plivo: the text of an error", "Error: read ECONNRESET\n    at AxiosError.from" as unknown as object],
  ["plivo: the same, wrapped", { detail: "AxiosError: timeout of 300ms exceeded\n    at" }],
  [
    "supabase: a cut",
    {
      message: "TypeError: fetch failed",
      details: "TypeError: fetch failed\n\nCaused by: Error: read ECONNRESET (ECONNRESET)",
    },
  ],
  ["firebase-admin: a gateway", error({ message: 'Raw server response: "". Status code: 524.' })],
  [
    "VError (node-apn)",
    { message: "apn write failed: x", jse_cause: error({ code: "ERR_HTTP2_STREAM_ERROR" }) },
  ],
  ["node-apn: a close", error({ message: "stream ended unexpectedly with status null and empty body" })],
  ["node-apn: a timeout", error({ message: "apn write timeout" })],
  ["pg: a cut", error({ message: "Connection terminated unexpectedly" })],
  ["pg: a timeout", error({ message: "Query read timeout" })],
  ["PostgreSQL: an administrator's shutdown", error({ code: "57P01" })],
  [
    "postgres.js: a cut",
    error({ code: "CONNECTION_CLOSED", message: "write CONNECTION_CLOSED 127.0.0.1:5432" }),
  ],
  ["mysql2: a cut", error({ code: "PROTOCOL_CONNECTION_LOST" })],
  ["mysql2: a timeout", error({ code: "PROTOCOL_SEQUENCE_TIMEOUT" })],
  ["mongodb: a cut", error({ name: "MongoNetworkError", message: "connection 1 to 127.0.0.1:27017 closed" })],
  ["ioredis: retried in vain", error({ name: "MaxRetriesPerRequestError" })],
  ["ioredis: a cut", error({ message: "Connection is closed." })],
  ["ioredis: a timeout", error({ message: "Command timed out" })],
  [
    "Valkey GLIDE: a cut",
    error({
      name: "ConnectionError",
      message: "Received connection error `broken pipe`. Will attempt to reconnect",
    }),
  ],
  ["Valkey GLIDE: a timeout", error({ name: "TimeoutError", message: "timed out" })],
  ["Valkey GLIDE: closed in mid-flight", error({ name: "ClosingError", message: "" })],
  ["node-redis: a cut", error({ message: "Socket closed unexpectedly" })],
  ["Stripe: an answer that is no JSON", { message: "Invalid JSON received from the Stripe API" }],
  [
    "node-fetch: an answer that is no JSON",
    { type: "invalid-json", message: "invalid json response body at http://api/" },
  ],
  ["V8: an answer that is no JSON", new SyntaxError(`Unexpected token '<', "${html}" is not valid JSON`)],
  ["V8: an answer that ended early", new SyntaxError("Unexpected end of JSON input")],
  ["vonage: an answer that is no JSON", error({ message: "Failed to decode response body" })],
  [
    "onesignal: an answer that is no JSON",
    error({ message: "Cannot parse content. No Content-Type defined." }),
  ],
  ["an HTML page in the words of a client (Slack)", error({ message: `An API error occurred: ${html}` })],
  ["nodemailer: a reply that is none", error({ code: "EMESSAGE", response: html })],
  ["ioredis 6: a reply that is none", error({ message: 'Unknown RESP type 60 "<". Please report this.' })],
  ["ioredis 5: a reply that is none", error({ message: 'Protocol error, got "<" as reply type byte' })],
  ["Bun: a cut", error({ code: "ConnectionClosed" })],
];
const NOT_LOST: Row[] = [
  ["pg: never connected", error({ message: "timeout exceeded when trying to connect" })],
  ["postgres.js: never connected", error({ code: "CONNECT_TIMEOUT" })],
  ["mongodb: refused", error({ name: "MongoNetworkError", cause: refused })],
  [
    "Valkey GLIDE: closed before",
    error({
      name: "ClosingError",
      message: "Unable to execute requests; the client is closed. Please create",
    }),
  ],
  [
    "Valkey GLIDE: never connected",
    error({
      name: "ClosingError",
      message: "Connection error: Standalone(Received error for address `x`: timed out",
    }),
  ],
  ["Bun: refused", error({ code: "ConnectionRefused" })],
  ["plivo: the text of a refusal", "Error: connect ECONNREFUSED 127.0.0.1:9\n    at" as unknown as object],
  [
    "supabase: a refusal",
    { message: "TypeError: fetch failed", details: "Caused by: Error: connect ECONNREFUSED" },
  ],
  ["an error page with a status", error({ status: 503, message: html })],
  ["an answer about timeouts", error({ status: 400, message: "Request timed out." })],
  ["a status of another kind in words", error({ message: "Status code: 500." })],
  ["node-apn: an answer", error({ message: "stream ended unexpectedly with status 500 and empty body" })],
];

test.each(LOST)("true: %s", (_, thrown) => {
  expect(interruptedInTransit(thrown)).toBe(true);
});

test.each(NOT_LOST)("false: %s", (_, thrown) => {
  expect(interruptedInTransit(thrown)).toBe(false);
});

test.each([499, 502, 504, 520, 524, 598, 599])("true: status %i, wherever clients keep it", status => {
  const kept = [{ status }, { statusCode: status }, { response: { status } }, { error_code: status }];
  for (const shape of [...kept, { status: `${status}` }, { $metadata: { httpStatusCode: status } }])
    expect(interruptedInTransit(error(shape))).toBe(true);
});

test.each([400, 404, 408, 409, 425, 429, 500, 501, 503, 505, 521, 530])("false: status %i", status => {
  for (const shape of [{ status }, { response: { status } }])
    expect(interruptedInTransit(error(shape))).toBe(false);
});
