import { describe, expect, it } from "vitest";
import { type IdempotentHandlerOptions, idempotentHandler } from "../../../src/http.ts";
import { createIdempotency } from "../../../src/index.ts";
import { caught } from "../../support/caught.ts";

const GOOD: IdempotentHandlerOptions = { idempotency: createIdempotency(), ttl: "1h", scope: () => "u" };
const handler = () => new Response();
const made = (options: object) =>
  caught(() => idempotentHandler(handler, options as IdempotentHandlerOptions));

describe("the options are checked when the handler is made", () => {
  it.each([
    [
      "idempotency",
      {},
      "idempotency: expected what createIdempotency() returned; got an object with no keys",
    ],
    ["scope", "user", 'scope: expected a function; got "user"'],
    ["required", "yes", 'required: expected true or false; got "yes"'],
    ["methods", "POST", 'methods: expected an array of methods such as ["POST", "PATCH"]; got "POST"'],
    [
      "methods",
      ["PO ST"],
      'methods: expected an array of methods such as ["POST", "PATCH"]; got an array of 1',
    ],
    ["methods", [""], 'methods: expected an array of methods such as ["POST", "PATCH"]; got an array of 1'],
    ["maxBodyBytes", -1, "maxBodyBytes: expected a whole number from 0; got -1"],
    ["maxBodyBytes", 1.5, "maxBodyBytes: expected a whole number from 0; got 1.5"],
    ["maxRequestBytes", "1MB", 'maxRequestBytes: expected a whole number from 0; got "1MB"'],
    [
      "maxRequestBytes",
      Number.POSITIVE_INFINITY,
      "maxRequestBytes: expected a whole number from 0; got Infinity",
    ],
  ])("%s: %j is refused", (name, value, message) => {
    expect(refused({ ...GOOD, [name]: value })).toContain(message);
  });

  it("ttl as every ttl is", () => {
    caught(() => make({ ...GOOD, ttl: "2d" }), "DURATION_OUT_OF_RANGE");
    caught(() => make({ ...GOOD, ttl: 5 }), "INVALID_DURATION");
  });

  it.each(["idempotency", "ttl", "scope"] as const)("%s may not be left out", name => {
    const { [name]: _, ...others } = GOOD;
    const message = `idempotentHandler options: expected ${name}, which has no default`;
    for (const options of [others, { ...GOOD, [name]: undefined }]) expect(refused(options)).toContain(message);
  });

  it("an unknown name is refused", () => {
    expect(refused({ ...GOOD, maxBodyByte: 1 })).toContain("expected one of idempotency, ttl, scope");
    expect(refused(null)).toContain("idempotentHandler options: expected an object; got null");
  });

  it("the handler is a function", () => {
    const { message } = caught(() => idempotentHandler("no" as never, GOOD), "INVALID_OPTION");
    expect(message).toBe('handler: expected a function; got "no"');
      code: "INVALID_OPTION",
      message: 'handler: expected a function; got "no"',
    });
  });

  it("undefined stands for the default, and an empty list of methods for none", async () => {
    const options = { required: undefined, methods: undefined, maxBodyBytes: undefined };
    expect(
      await idempotentHandler(handler, { ...GOOD, ...options })(new Request("https://a.b")),
    ).toBeDefined();
    const none = idempotentHandler(handler, { ...GOOD, methods: [], required: true });
    expect((await none(new Request("https://a.b", { method: "POST" }))).status).toBe(200);
  });
});
