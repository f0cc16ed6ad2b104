import { expect, it } from "vitest";
import type { IdempotencyEvent } from "../../../../src/contract/events.ts";
import {
  attributesOf,
  errorAttributes,
  errorType,
  snakeCase,
} from "../../../../src/observability/opentelemetry/attributes.ts";

it("writes names as the conventions do", () => {
  expect(snakeCase("store-error-in-run")).toBe("store_error_in_run");
});

it.each([
  [Object.assign(new TypeError("no"), { code: "ECONNRESET" }), "ECONNRESET"],
  [new TypeError("no"), "TypeError"],
  [Object.assign(new TypeError("no"), { code: 7 }), "TypeError"],
  ["a text", "_OTHER"],
  [undefined, "_OTHER"],
])("has a class of few for %o: %s", (error, type) => {
  expect(errorType(error)).toBe(type);
});

it("has neither the key nor the time nor the error among an event's attributes", () => {
  const event = { type: "released", key: "order:1", attempt: 2, error: new Error("no"), code: "X" };
  expect(attributesOf(event as unknown as IdempotencyEvent)).toEqual({
    "idempotency.attempt": 2,
    "error.type": "X",
  });
});

it("has an error's message if it is an error", () => {
  expect(errorAttributes(new RangeError("far"))).toEqual({
    "error.type": "RangeError",
    "exception.message": "far",
  });
  expect(errorAttributes("far")).toEqual({ "error.type": "_OTHER" });
});
