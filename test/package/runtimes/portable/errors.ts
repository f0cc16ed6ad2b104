import * as entry from "with-idempotency";
import { checks, has, rejection, same, thrown } from "./check.ts";
import { instance } from "./scene.ts";

/** The classes, each with its one code. */
const CLASSES = {
  InvalidKeyError: "INVALID_KEY",
  InvalidOptionError: "INVALID_OPTION",
  InProgressError: "IN_PROGRESS",
  KeyReusedError: "KEY_REUSED",
  OutcomeUnknownError: "OUTCOME_UNKNOWN",
  ResultUnavailableError: "RESULT_UNAVAILABLE",
  StoreError: "STORE_ERROR",
  LeaseLostError: "LEASE_LOST",
};

type AnyError = new (
  message: string,
  details: { key: string; retryAfterMs: number; attempt: number },
) => Error;

const BAD_OPTIONS: Record<string, unknown> = {
  store: {},
  lease: 5,
  onConflict: "no",
  waitTimeout: "-1s",
  onUncertain: true,
  onError: "hold",
  onStoreError: null,
  storeTimeout: "1 year",
  fingerprint: () => 1,
  serializer: {},
  signal: {},
  onEvent: {},
};

export const errorChecks = checks("errors", {
  "have a name, a code, a key and a stack"() {
    const classes = new Map<string, unknown>(Object.entries(entry));
    for (const [name, code] of Object.entries(CLASSES)) {
      const made = classes.get(name) as AnyError;
      const error = new made("what happened", { key: "k", retryAfterMs: 1, attempt: 2 });
      has(name, error, { name, code, key: "k", message: "what happened" });
      same(
        `whether ${name} is an Error`,
        error instanceof Error && error instanceof entry.IdempotencyError,
        true,
      );
      same(`whether ${name} has a stack`, typeof (error as Error).stack, "string");
      same(`${name} as text`, String(error), `${name}: what happened`);
    }
  },
  "are known by their code, and nothing else is one"() {
    const error = thrown(() => entry.parseDuration("5x" as "5s"));
    same("its code", entry.isIdempotencyError(error, "INVALID_DURATION"), true);
    same("another code", entry.isIdempotencyError(error, "INVALID_KEY"), false);
    for (const value of [null, undefined, 1, {}, new Error("x"), { code: "INVALID_KEY" }]) {
      same("whether it is one", entry.isIdempotencyError(value), false);
    }
  },
  "of bad options come at once, and name the option"() {
    for (const [option, value] of Object.entries(BAD_OPTIONS)) {
      const error = thrown(() => entry.createIdempotency({ [option]: value }));
      same(`whether it names ${option}`, (error as Error).message.includes(option), true);
      same(`whether ${option} has a code`, entry.isIdempotencyError(error), true);
    }
    has(
      "an unknown one",
      thrown(() => entry.createIdempotency({ leas: "1s" } as object)),
      {
        code: "INVALID_OPTION",
      },
    );
  },
  async "of a call reject, and are never thrown"() {
    const { withIdempotency } = instance();
    has("a key", await rejection(withIdempotency("", "1m", () => 1)), { code: "INVALID_KEY" });
    has("a ttl", await rejection(withIdempotency("k", "2d", () => 1)), { code: "DURATION_OUT_OF_RANGE" });
    has("fn", await rejection(withIdempotency("k", "1m", 1 as never)), { code: "INVALID_OPTION" });
  },
  async "of a listener change nothing"() {
    const onEvent = () => {
      throw new Error("bad listener");
    };
    const { execute } = instance({ onEvent });
    has("the outcome", await execute("k", "1m", () => 1), { value: 1, persisted: true });
  },
  async "and successes are told as events, in order"() {
    const { execute, events } = instance();
    await rejection(execute("k", "1m", () => Promise.reject(new Error("no"))));
    await execute("k", "1m", () => 1);
    await execute("k", "1m", () => 2);
    const types = events.map(event => `${event.type} ${"attempt" in event ? event.attempt : ""}`);
    same("the events", types, ["claimed 1", "failed 1", "claimed 2", "completed 2", "replayed 2"]);
  },
});
