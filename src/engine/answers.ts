import type { Outcome } from "../contract/idempotency.ts";

/** Makes what a caller gets of an outcome: no object for those who want the value alone. */
export type AnswerOf<Answer> = (
  value: unknown,
  replayed: boolean,
  persisted: boolean,
  attempt: number,
  key: string,
) => Answer;

// What is stored has no type: it is the caller who says what `fn` gives.
export const valueOnly: AnswerOf<never> = value => value as never;

export const wholeOutcome: AnswerOf<Outcome<never>> = (value, replayed, persisted, attempt, key) => ({
  value: value as never,
  replayed,
  persisted,
  attempt,
  key,
});
