import { describe, expect, it } from "vitest";
import { problemOf, refusal } from "../../../src/http/problem.ts";
import type { IdempotencyErrorCode } from "../../../src/index.ts";
import { problem } from "../../support/http.ts";

const docs = "https://docs.example/#code";
const told = async (code: IdempotencyErrorCode) => {
  const response = problemOf({ code, docs });
  return response && problem(response);
};

describe("the problem of an error (RFC 9457)", () => {
  it.each([
    ["IN_PROGRESS", 409, "2"],
    ["OUTCOME_UNKNOWN", 409, null],
    ["RESULT_UNAVAILABLE", 409, null],
    ["KEY_REUSED", 422, null],
    ["STORE_ERROR", 503, "5"],
  ] as const)("%s is %i, Retry-After %s", async (code, status, retryAfter) => {
    const contentType = "application/problem+json";
    expect(await told(code)).toMatchObject({ status, retryAfter, contentType, type: docs });
    expect(JSON.parse((await told(code))!.text)).toEqual({
      type: docs,
      status,
      title: expect.stringMatching(/^[A-Z].*[a-z]$/),
      detail: expect.stringMatching(/^[A-Z].*\.$/),
    });
  });

  it.each([
    "INVALID_KEY",
    "INVALID_DURATION",
    "DURATION_OUT_OF_RANGE",
    "INVALID_OPTION",
    "LEASE_LOST",
    "REPLAYED_ERROR",
  ] as const)("%s is the host's", code => {
    expect(problemOf({ code, docs })).toBeUndefined();
  });
});

it.each([
  ["missing-key", 400],
  ["malformed-key", 400],
  ["request-too-large", 413],
] as const)("%s is %i, and leads to its section of the guide", async (reason, status) => {
  const type = `https://with-idempotency.github.io/with-idempotency/http#${reason}`;
  expect(await problem(refusal(reason))).toMatchObject({ status, type, retryAfter: null });
});
