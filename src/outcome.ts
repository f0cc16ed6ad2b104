/** What came of a call. */
export interface Outcome<T> {
  /** `fn`'s result, or one deep-equal to it. */
  value: T;
  /** Whether this call did not itself run `fn`. */
  replayed: boolean;
  /** False where `fn` succeeded but its result could not be stored. */
  persisted: boolean;
  /** The run that the value comes from, from 1. */
  attempt: number;
  /** The key's text. */
  key: string;
}

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
