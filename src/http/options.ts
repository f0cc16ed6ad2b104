import { type Duration, parseDuration } from "../contract/duration.ts";
import type { Idempotency } from "../contract/idempotency.ts";
import { expectFunction, expectMethods, invalidOption, readByRules } from "../contract/validate.ts";

/**
 * The options of `idempotentHandler`. `R` is the host's request, `A` the further arguments that the host passes.
 */
export interface IdempotentHandlerOptions<R extends Request = Request, A extends unknown[] = []> {
  /** An instance from `createIdempotency`. Its store, namespace, lease, policies and listener apply here too. */
  idempotency: Idempotency;
  /** How long a response is kept: 1 second to 24 hours. Tell your clients. */
  ttl: Duration;
  /**
   * Returns who sent the request, as text that is unique to that caller: the id of a user or account whose
   * credentials you have checked. It is part of the key, so no caller gets another's response. If it throws, the
   * error goes to the host.
   */
  scope: (request: R, ...args: A) => string | PromiseLike<string>;
  /**
   * If true, a request without the header is refused with 400. Otherwise the handler runs for it as if it was not
   * wrapped.
   * @default false
   */
  required?: boolean | undefined;
  /**
   * The methods that the header applies to, in upper or lower case. Other requests go to the handler unchanged.
   * @default ["POST", "PATCH"]
   */
  methods?: readonly string[] | undefined;
  /**
   * The largest response body that is stored, in bytes. A larger response goes only to its caller, and each
   * duplicate gets 409 (`RESULT_UNAVAILABLE`).
   * @default 1_048_576
   */
  maxBodyBytes?: number | undefined;
  /**
   * The largest body of a request with the header, in bytes. The body is read into memory before the handler runs.
   * A larger one is refused with 413.
   * @default 10_485_760
   */
  maxRequestBytes?: number | undefined;
}

const DEFAULTS = {
  required: false,
  methods: ["POST", "PATCH"],
  maxBodyBytes: 1_048_576,
  maxRequestBytes: 10_485_760,
};

/** What does not depend on the request. */
export type Bound = Pick<Required<IdempotentHandlerOptions>, "idempotency" | "ttl" | "maxBodyBytes">;

type Rules = { readonly [Name in keyof Required<IdempotentHandlerOptions>]: (value: unknown) => object };

/** A rule for an option that is used as it was given, once it is checked. */
const asGiven = (name: string, check: (name: string, value: unknown) => void) => (value: unknown) => {
  check(name, value);
  return { [name]: value };
};

function expectBytes(name: string, value: unknown): void {
  const isCount = Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isCount) invalidOption(name, "a whole number from 0", value);
}

function expectNames(name: string, value: unknown): void {
  const areNames =
    Array.isArray(value) &&
    value.every(each => typeof each === "string" && /^[!#$%&'*+.^`|~\w-]+$/.test(each));
  if (!areNames) invalidOption(name, 'an array of methods such as ["POST", "PATCH"]', value);
}

const RULES: Rules = {
  idempotency: asGiven("idempotency", (name, value) =>
    expectMethods(name, "what createIdempotency() returned", ["execute"], value),
  ),
  ttl: asGiven("ttl", (_, value) => parseDuration(value as Duration)),
  scope: asGiven("scope", expectFunction),
  required: asGiven("required", (name, value) => {
    if (typeof value !== "boolean") invalidOption(name, "true or false", value);
  }),
  methods: asGiven("methods", expectNames),
  maxBodyBytes: asGiven("maxBodyBytes", expectBytes),
  maxRequestBytes: asGiven("maxRequestBytes", expectBytes),
};

/** Checks what `idempotentHandler` is given, and adds defaults. Throws `INVALID_OPTION`, and as `parseDuration` does. */
export function readHandlerOptions<R extends Request, A extends unknown[]>(
  options: IdempotentHandlerOptions<R, A>,
): Required<IdempotentHandlerOptions<R, A>> {
  const owner = "idempotentHandler options";
  const given = readByRules(owner, options, RULES);
  for (const name of ["idempotency", "ttl", "scope"] as const) {
    if (options[name] === undefined) invalidOption(owner, `${name}, which has no default`, options);
  }
  return { ...options, ...DEFAULTS, ...given };
}
