import type { Key } from "../contract/key.ts";

/** What a person fills into the form, as JSON. */
export interface SettingsJson {
  /**
   * What is done once: text with the paths of values in double braces, `"order-shipped:{{order.id}}:{{user.id}}"`.
   * `\{{` stands for the braces themselves.
   */
  readonly key: string;
  /** How long a result is kept, in `unit`s: a number, or a form's text of one. From 1 second to 24 hours. */
  readonly time: number | string;
  /** `"seconds"`, `"minutes"`, `"hours"` or `"days"`, in any case; singular and short forms too, as in a duration. */
  readonly unit: string;
  /**
   * The paths of data that is part of the key: when it changes, the event is another one. `true` for all of the data.
   * @default false
   */
  readonly unlessChanged?: readonly string[] | boolean | undefined;
}

/** Settings that are checked, ready for calls. Frozen. */
export interface IdempotencySettings {
  /** How long a result is kept: the `ttl` of a call. */
  readonly ttl: {
    /** From 1,000 to 86,400,000. */
    readonly milliseconds: number;
  };
  /**
   * Makes the key of a call from its data. Two data sets have the same key only where each value that the key names has
   * the same text (`5` and `"5"` are one), and nothing that `unlessChanged` names differs. It needs no `this`: hand it
   * on as it is.
   *
   * Only own properties that hold a value are seen: nothing that is inherited, no getter, no proxy.
   *
   * @example
   * ```ts
   * import { readSettings } from "with-idempotency/settings";
   *
   * const { keyFor } = readSettings({ key: "order-shipped:{{order.id}}", time: 5, unit: "minutes" });
   * console.log(keyFor({ order: { id: 1041 } })); // → order-shipped:[1041]
   * ```
   *
   * @throws InvalidKeyError `INVALID_KEY`, with the path, if a value is missing, empty (white space alone too), or no
   * text, finite number, bigint or boolean; or if `unlessChanged` leads to what is no plain data
   */
  readonly keyFor: (data: unknown) => Key;
  /**
   * The paths that the key names, as they were written. With none, the key is the same for every event: a form may warn
   * of that.
   */
  readonly paths: readonly string[];
  /** A copy of what was read, to show or to store. */
  readonly json: SettingsJson;
}
