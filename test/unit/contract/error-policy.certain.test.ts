import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certainlyNotDone, interruptedInTransit } from "../../../src/contract/error-policy.ts";
import {
  error,
  hangUp,
  LOST,
  NOT_LOST,
  noConnection,
  REFUSED_BY_CLOUDFLARE,
  refused,
  reset,
} from "./error-policy.shapes.ts";

describe("certainlyNotDone", () => {
  test.each(LOST)("false: %s", (_, thrown) => {
    expect(certainlyNotDone(thrown)).toBe(false);
  });

  test.each([400, 401, 403, 404, 410, 422, 429, 451, 498])("true: status %i", status => {
    for (const shape of [{ status }, { statusCode: status }, { response: { status } }])
      expect(certainlyNotDone(error(shape))).toBe(true);
  });

  test.each([200, 302, 408, 409, 425, 499, 500, 502, 503, 504, 520, 524])("false: status %i", status => {
    expect(certainlyNotDone(error({ status }))).toBe(false);
    expect(certainlyNotDone(error({ response: { status } }))).toBe(false);
    expect(certainlyNotDone(error({ status: 400, response: { status } }))).toBe(false);
  });

  test.each([421, 450, 451, 452, 500, 550, 554, 599])("true: SMTP reply %i", responseCode => {
    expect(certainlyNotDone(error({ code: "EMESSAGE", responseCode }))).toBe(true);
  });

  test.each([250, 354, 454, 0, undefined])("false: SMTP reply %s", responseCode => {
    expect(certainlyNotDone(error({ responseCode }))).toBe(false);
  });

  test.each(REFUSED_BY_CLOUDFLARE)("true: %s", (_, thrown) => {
    expect(certainlyNotDone(error(thrown as object))).toBe(true);
  });

  test("what another object's code threw proves nothing: it ran until then", () => {
    for (const thrown of [refused, error({ message: "D1 DB is overloaded. Too many requests queued." })]) {
      const remote = Object.assign(new Error(thrown.message), { remote: true });
      expect(certainlyNotDone(remote)).toBe(false);
      expect(interruptedInTransit(remote)).toBe(false);
    }
  });

  test("an answer counts, not what it repeats of the target's own troubles", () => {
    expect(certainlyNotDone(error({ status: 500, message: refused.message }))).toBe(false);
    expect(certainlyNotDone(error({ status: 500, cause: refused }))).toBe(false);
  });

  test("a wrapper proves what the error in it proves, a cycle included", () => {
    for (const property of ["cause", "error", "detail", "original", "raw", "reason"]) {
      const first = error({ code: "E_SEND" });
      Object.assign(first, { [property]: error({ cause: first, [property]: refused }) });
      expect(certainlyNotDone(first)).toBe(true);
    }
  });

  test("each of several errors must prove it", () => {
    expect(certainlyNotDone(new AggregateError([refused, noConnection]))).toBe(true);
    expect(certainlyNotDone(new AggregateError([refused, error({ status: 404 })]))).toBe(true);
    expect(certainlyNotDone(new AggregateError([refused, reset]))).toBe(false);
    expect(certainlyNotDone(new AggregateError([refused, new Error("boom")]))).toBe(false);
    expect(certainlyNotDone(new AggregateError([]))).toBe(false);
    expect(certainlyNotDone(error({ code: "ECONNREFUSED", cause: hangUp }))).toBe(false);
  });

  test.each([undefined, null, "Error: connect", 404, Symbol("x"), {}, new Error("boom")])(
    "false: %s",
    thrown => {
      expect(certainlyNotDone(thrown)).toBe(false);
    },
  );

  test("an endless chain proves nothing", () => {
    const endless = (): object => ({
      code: "ECONNREFUSED",
      get cause() {
        return endless();
      },
      errors: { length: Infinity },
    });
    expect(certainlyNotDone(endless())).toBe(false);
  });

  test("never where a request may have been under way", () => {
    const shape = fc.constantFrom(...[...LOST, ...NOT_LOST].map(([, thrown]) => thrown));
    fc.assert(
      fc.property(fc.array(shape, { minLength: 1 }), failures => {
        const all = new AggregateError(failures);
        expect(certainlyNotDone(all) && interruptedInTransit(all)).toBe(false);
        expect(certainlyNotDone(all)).toBe(failures.every(certainlyNotDone));
      }),
    );
  });
});
