import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { IdempotencyEvent } from "../../contract/events.ts";
import { redactError } from "../../engine/emit.ts";

/** What an event's fields are called. None of these but the provider's key, which no metric has, is unbounded. */
const NAMES: Readonly<Record<string, string>> = {
  attempt: "idempotency.attempt",
  code: "error.type",
  idempotencyKey: "idempotency.provider_key",
  length: "idempotency.key.length",
  operation: "idempotency.store.operation",
  persisted: "idempotency.persisted",
  policy: "idempotency.policy",
  retryAfterMs: "idempotency.retry_after_ms",
  takeover: "idempotency.takeover",
};

/** A name as the conventions write it. */
export const snakeCase = (name: string) => name.replaceAll("-", "_");

/** The class of an error, of which there are few: its `code`, else its `name`. */
export function errorType(error: unknown): string {
  const { code, name } = redactError(error);
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "_OTHER";
}

/** What an event contains beside its type, the key, the time and an error. */
export function attributesOf(event: IdempotencyEvent): Attributes {
  const attributes: Attributes = {};
  for (const [field, value] of Object.entries(event)) {
    const name = NAMES[field];
    if (name !== undefined) attributes[name] = value as AttributeValue;
  }
  return attributes;
}

/** What an event contains of an error: all of it as it was thrown, unless it is redacted. */
export function errorAttributes(error: unknown): Attributes {
  const type = { "error.type": errorType(error) };
  return error instanceof Error ? { ...type, "exception.message": error.message } : type;
}
