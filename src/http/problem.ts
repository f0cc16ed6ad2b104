import type { IdempotencyError, IdempotencyErrorCode } from "../contract/errors.ts";

/** A problem's status, title and detail, and after how many seconds another try may fare better. None is of the request. */
type Problem = readonly [status: number, title: string, detail: string, retryAfter?: number];

const GUIDE = "https://with-idempotency.github.io/with-idempotency/http";

const REFUSALS = {
  "missing-key": [400, "Idempotency-Key is missing", "Send one, and the same with each retry of a request."],
  "malformed-key": [400, "Idempotency-Key is malformed", 'Send one text in quotes, such as "8e03978e-40d5".'],
  "request-too-large": [
    413,
    "The request is too large",
    "Its body has more bytes than are taken with a key.",
  ],
} satisfies Record<string, Problem>;

/** What a client is told of each error; undefined where the error is none of its business, and goes to the host. */
const PROBLEMS: Readonly<Record<IdempotencyErrorCode, Problem | undefined>> = {
  IN_PROGRESS: [
    409,
    "The first request is in progress",
    "Send this one again later, to get its response.",
    2,
  ],
  OUTCOME_UNKNOWN: [409, "The outcome is unknown", "The first request may have had its effect, or not."],
  RESULT_UNAVAILABLE: [
    409,
    "The response was not kept",
    "The first request was done, and will not be again.",
  ],
  KEY_REUSED: [422, "Idempotency-Key is already used", "It came with another method, path or body."],
  STORE_ERROR: [503, "The request cannot be processed now", "Nothing was done. Send it again later.", 5],
  INVALID_KEY: undefined,
  INVALID_DURATION: undefined,
  DURATION_OUT_OF_RANGE: undefined,
  INVALID_OPTION: undefined,
  LEASE_LOST: undefined,
  REPLAYED_ERROR: undefined,
};

/** The answer to a request that is refused before its key is asked for. */
export const refusal = (reason: keyof typeof REFUSALS): Response =>
  respond(`${GUIDE}#${reason}`, REFUSALS[reason]);

/** The answer to a request whose call was refused with that error; undefined where the error is the host's. */
export function problemOf({ code, docs }: Pick<IdempotencyError, "code" | "docs">): Response | undefined {
  const problem = PROBLEMS[code];
  return problem && respond(docs, problem);
}

/** RFC 9457. */
function respond(type: string, [status, title, detail, retryAfter]: Problem): Response {
  const headers = new Headers({ "content-type": "application/problem+json", "content-language": "en" });
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  return new Response(JSON.stringify({ type, title, status, detail }), { status, headers });
}
