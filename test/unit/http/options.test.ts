import { describe, expect, it } from "vitest";
import { type IdempotentHandlerOptions, idempotentHandler } from "../../../src/http.ts";
import { createIdempotency } from "../../../src/index.ts";
import { caught } from "../../support/caught.ts";

const GOOD: IdempotentHandlerOptions = { idempotency: createIdempotency(), ttl: "1h", scope: () => "u" };
const handler = () => new Response();
const make = (options: object | null) => idempotentHandler(handler, options as IdempotentHandlerOptions);
const refused = (options: object | null) => caught(() => make(options), "INVALID_OPTION").message;

const METHODS = 'methods: expected an array of methods such as ["POST", "PATCH"]; got';

describe("the options are checked when the handler is made", () => {
  it.each([
    [
      "idempotency",
      {},
      "idempotency: expected what createIdempotency() returned; got an object with no keys",
    ],
    ["scope", "user", 'scope: expected a function; got "user"'],
    ["required", "yes", 'required: expected true or false; got "yes"'],
    ["methods", "POST", `${METHODS} "POST"`],
    ["methods", ["PO ST"], `${METHODS} an array of 1`],
    ["methods", [Object.create(null)], `${METHODS} an array of 1`],
    ["methods", [""], `${METHODS} an array of 1`],
    ["maxBodyBytes", -1, "maxBodyBytes: expected a whole number from 0; got -1"],
    ["maxBodyBytes", 1.5, "maxBodyBytes: expected a whole number from 0; got 1.5"],
    ["maxRequestBytes", "1MB", 'maxRequestBytes: expected a whole number from 0; got "1MB"'],
    ["maxRequestBytes", 1 / 0, "maxRequestBytes: expected a whole number from 0; got Infinity"],
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
    for (const options of [others, { ...GOOD, [name]: undefined }])
      expect(refused(options)).toContain(message);
  });

  it("an unknown name is refused", () => {
    expect(refused({ ...GOOD, maxBodyByte: 1 })).toContain("expected one of idempotency, ttl, scope");
    expect(refused(null)).toContain("idempotentHandler options: expected a plain object; got null");
  });

  it("the handler is a function", () => {
    const { message } = caught(() => idempotentHandler("no" as never, GOOD), "INVALID_OPTION");
    expect(message).toBe('handler: expected a function; got "no"');
  });

  it("undefined stands for the default, and an empty list of methods for none", async () => {
    const post = new Request("https://a.b", { method: "POST" });
    const options = { ...GOOD, required: true, methods: undefined, maxBodyBytes: undefined };
    expect((await make(options)(post)).status).toBe(400);
    expect((await make({ ...options, methods: [] })(post)).status).toBe(200);
  });
});
