import { expect } from "vitest";
import {
  type IdempotencyErrorCode,
  type IdempotencyErrors,
  isIdempotencyError,
} from "../../src/contract/errors.ts";

/** The error that `act` throws, which must be one of the package with that code. */
export function caught<C extends IdempotencyErrorCode>(act: () => unknown, code: C): IdempotencyErrors[C] {
  try {
    act();
  } catch (error) {
    if (isIdempotencyError(error, code)) return error;
    throw error;
  }
  return expect.fail(`expected ${code}, but nothing was thrown`);
}
