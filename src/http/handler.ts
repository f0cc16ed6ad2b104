import { InvalidOptionError, isIdempotencyError, ResultUnavailableError } from "../contract/errors.ts";
import type { Execution } from "../contract/execution.ts";
import type { Key } from "../contract/key.ts";
import { expectFunction, invalidOption } from "../contract/validate.ts";
import { describe } from "../util/describe.ts";
import { parseKey } from "./header.ts";
import { type Bound, type IdempotentHandlerOptions, readHandlerOptions } from "./options.ts";
import { problemOf, refusal } from "./problem.ts";
import { payloadOf } from "./request.ts";
import { type KeptResponse, keep, restore } from "./response.ts";

/** A request handler. `execution` is undefined if the request has no key or another method. */
export type RequestHandler<R extends Request = Request, A extends unknown[] = []> = (
  request: R,
  execution: Execution | undefined,
  ...args: A
) => Response | PromiseLike<Response>;

/**
 * Makes a request handler idempotent, following draft-ietf-httpapi-idempotency-key-header. A repeated request with
 * the same `Idempotency-Key` gets the first response, marked `Idempotency-Replayed: true`, and the handler does
 * not run again. It works with every host that uses `Request` and `Response`: Hono, Next.js, Bun, Deno, Workers,
 * and Node.js with an adapter. Further arguments from the host are passed on after `execution`.
 *
 * Responses from 200 to 499 are stored, except 408, 425 and 429, which free the key. For any other response,
 * `onError` gets the `Response` and decides. An error that the handler throws also goes through `onError`, and
 * then to the host.
 *
 * @param handler gets the original request, and the {@link Execution} of its key, if it has one
 * @returns the idempotent handler. It answers refused requests with `application/problem+json`. It rejects with
 * what `handler` and `scope` throw, and with `INVALID_OPTION` if the request's body has already been read
 * @throws InvalidOptionError `INVALID_OPTION`; InvalidDurationError `INVALID_DURATION`, `DURATION_OUT_OF_RANGE`
 * @example
 * ```ts
 * import { createIdempotency } from "with-idempotency";
 * import { idempotentHandler } from "with-idempotency/http";
 *
 * let charges = 0;
 * const charge = idempotentHandler(
 *   async request => Response.json({ charge: ++charges, ...(await request.json()) }, { status: 201 }),
 *   { idempotency: createIdempotency({ namespace: "http" }), ttl: "24h", scope: () => "user-7" }, // who is logged in
 * );
 * const post = { method: "POST", headers: { "Idempotency-Key": '"8e03978e"' }, body: '{"amount":12}' };
 * const send = async () => (await charge(new Request("https://shop.example/charges", post))).text();
 * console.log(await send()); // → {"charge":1,"amount":12}
 * console.log(await send()); // → {"charge":1,"amount":12}
 * ```
 */
export function idempotentHandler<R extends Request = Request, A extends unknown[] = []>(
  handler: RequestHandler<R, A>,
  options: IdempotentHandlerOptions<R, A>,
): (request: R, ...args: A) => Promise<Response> {
  expectFunction("handler", handler);
  const settings = readHandlerOptions(options);
  const methods = new Set(settings.methods.map(method => method.toUpperCase()));
  return async (request, ...args) => {
    const isMeant = methods.has(request.method.toUpperCase());
    const header = isMeant ? request.headers.get("idempotency-key") : null;
    if (header === null) {
      return isMeant && settings.required ? refusal("missing-key") : handler(request, undefined, ...args);
    }
    const key = parseKey(header);
    if (key === undefined) return refusal("malformed-key");
    const scope: unknown = await settings.scope(request, ...args);
    if (typeof scope !== "string" || scope.trim() === "")
      invalidOption("scope", "a text that names the caller", scope);
    const payload = await payloadOf(request, settings.maxRequestBytes);
    if (payload === undefined) return refusal("request-too-large");
    return once(settings, ["http", scope, key], payload, async execution =>
      handler(request, execution, ...args),
    );
  };
}

/** Errors that a handler threw: they are the host's, even where they are of this package. */
const thrown = new WeakSet<object>();

/** What the key is completed with. */
type Kept = Partial<KeptResponse> & { unkept?: symbol };

const RELEASED: readonly unknown[] = [408, 425, 429];
const onResult = ({ status }: Kept) => (RELEASED.includes(status) ? "release" : "complete");

/** The response of this call's own run, or a replay, or what the client is told where there is neither. */
async function once(
  { idempotency, ttl, maxBodyBytes }: Bound,
  key: Key,
  fingerprint: readonly unknown[],
  run: (execution: Execution) => Promise<Response>,
): Promise<Response> {
  let own: Response | undefined;
  const fn = async (execution: Execution) => {
    own = await run(execution).catch(error => {
      thrown.add(Object(error));
      throw error;
    });
    return keptOf(own, maxBodyBytes);
  };
  // A body takes up to four times its bytes: as JSON within JSON, where `onError` stores it.
  const maxResultBytes = Math.min(4 * maxBodyBytes + 65_536, Number.MAX_SAFE_INTEGER);
  try {
    const outcome = await idempotency.execute(key, ttl, fn, { fingerprint, maxResultBytes, onResult });
    if (outcome.replayed) return restore(outcome.value) ?? problemOf(new ResultUnavailableError(""))!;
  } catch (error) {
    const answer = error === own ? own : answerTo(error);
    if (answer === undefined) throw error;
    return answer;
  }
  if (isResponse(own)) return own;
  throw new InvalidOptionError(`handler: expected a Response; got ${describe(own)}`);
}

/** A response of whichever copy of its class. */
function isResponse(value: unknown): value is Response {
  try {
    const { status, headers, clone } = Object(value) as Partial<Response>;
    return typeof status === "number" && typeof headers?.get === "function" && typeof clone === "function";
  } catch {
    return false;
  }
}

/** What is kept of a handler's response. Throws it from 500 on, for `onError` to decide. */
async function keptOf(response: unknown, maxBodyBytes: number): Promise<Kept> {
  // P1: completed, whatever comes. No serializer makes a kept response of a symbol.
  const unkept = { unkept: Symbol("no response, a stream, or more than maxBodyBytes") };
  if (!isResponse(response)) return unkept;
  const { status } = response;
  const kept = await keep(response, maxBodyBytes);
  if (status >= 500) throw failure(response, kept ?? { status });
  return kept ?? (RELEASED.includes(status) ? { status } : unkept);
}

const FAILURE = "Response";

/**
 * That response, with a text: what `onError` stores of it, and what calls get that share the run. P2: a response that takes
 * no text is thrown without one. An error about that would hide the status from `onError`.
 */
function failure(response: Response, kept: KeptResponse): Response {
  const text = JSON.stringify(kept);
  for (const [name, value] of Object.entries({ name: FAILURE, toString: () => text })) {
    Reflect.defineProperty(response, name, { value, configurable: true });
  }
  return response;
}

/** What a client gets for the error that its call was refused with, or shares; undefined where that is the host's. */
function answerTo(error: unknown): Response | undefined {
  if (thrown.has(Object(error))) return undefined;
  if (isResponse(error)) return restore(String(error));
  if (!isIdempotencyError(error)) return undefined;
  const isResponseToo = error.code === "REPLAYED_ERROR" && error.original.name === FAILURE;
  return isResponseToo ? restore(error.original.message) : problemOf(error);
}
