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
