import { fromBase64, toBase64 } from "../util/bytes.ts";
import { readAtMost } from "./body.ts";

/**
 * A stored response as plain JSON. `inspect` shows it. Pass it to `resolve`, or return it from `find` of
 * `reconcile`, once you know how a request ended.
 */
export interface KeptResponse {
  /** The status, from 200 to 599. */
  status: number;
  /** The reason phrase, if there is one. */
  statusText?: string;
  /**
   * Names and values of the headers, except those for one connection or one client: `Set-Cookie`, `Date`,
   * `Connection`…
   */
  headers?: [name: string, value: string][];
  /** The body, if it is UTF-8 text. */
  body?: string;
  /** Any other body, in base64. */
  base64?: string;
}

// RFC 9110, section 7.6.1, lists those of one connection. A cookie is for whom it was made for, and a date is the day's.
const OF_ONE_CONNECTION =
  /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.+|set-cookie2?|date)$/;

/** What is kept of a response; undefined of one whose body is a stream, too large, or cannot be read. Leaves it whole. */
export async function keep(response: Response, maxBytes: number): Promise<KeptResponse | undefined> {
  try {
    const { status, statusText, headers, body, bodyUsed } = response;
    const isStream = /^text\/event-stream\b/i.test(headers.get("content-type") ?? "");
    // Below 200: an upgrade, or a network error.
    if (isStream || status < 200 || bodyUsed || body?.locked) return undefined;
    const bytes = await readAtMost(response.clone().body, maxBytes);
    if (bytes === undefined) return undefined;
    return { status, ...(statusText && { statusText }), headers: keptHeaders(headers), ...keptBody(bytes) };
  } catch {
    // P3: the handler has done its work, whatever becomes of its response.
    return undefined;
  }
}

function keptHeaders(headers: Headers): [string, string][] {
  const named = (headers.get("connection") ?? "").toLowerCase().split(/[\s,]+/);
  return [...headers].filter(([name]) => !OF_ONE_CONNECTION.test(name) && !named.includes(name));
}

function keptBody(bytes: Uint8Array): Pick<KeptResponse, "body" | "base64"> {
  if (bytes.length === 0) return {};
  try {
    const body = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // JSON writes each of these in six characters.
    if (!/[^\P{Cc}\t\n\r]/u.test(body)) return { body };
  } catch {
    // It is no text.
  }
  return { base64: toBase64(bytes) };
}

/** A replay: a response of its own for each caller. Undefined for anything that is no {@link KeptResponse}. */
export function restore(kept: unknown): Response | undefined {
  try {
    const given = typeof kept === "string" ? JSON.parse(kept) : kept;
    const { status, statusText, headers, body = "", base64 } = Object(given) as Partial<KeptResponse>;
    const bytes = base64 === undefined ? new TextEncoder().encode(body) : fromBase64(base64);
    if (!Number.isInteger(status) || bytes === undefined) return undefined;
    const response = new Response(bytes.length === 0 ? null : bytes, { status, statusText, headers });
    response.headers.set("idempotency-replayed", "true");
    return response;
  } catch {
    return undefined;
  }
}
