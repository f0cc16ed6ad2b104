import type { Key } from "../contract/key.ts";

/** The form's content as JSON. */
export interface SettingsJson {
  /**
   * What must happen only once: text with paths to values in double braces, such as
   * `"order-shipped:{{order.id}}:{{user.id}}"`. Write `\{{` for literal braces.
   */
  readonly key: string;
  /**
   * How long a result is kept, in `unit`s: a number, or a number as text. The result must be 1 second to 24 hours.
   */
  readonly time: number | string;
  /**
   * `"seconds"`, `"minutes"`, `"hours"` or `"days"`, in upper or lower case. Singular and short forms work too, as
   * in a duration.
   */
  readonly unit: string;
  /**
   * Paths to data that becomes part of the key: when it changes, the event counts as a new one. `true` takes all
   * the data.
   * @default false
   */
  readonly unlessChanged?: readonly string[] | boolean | undefined;
}

/** Checked settings, ready to use in calls. Frozen. */
export interface IdempotencySettings {
  /** How long a result is kept: the `ttl` of a call. */
  readonly ttl: {
    /** From 1,000 to 86,400,000. */
    readonly milliseconds: number;
  };
  /**
   * Returns the key of a call for its data. Two sets of data have the same key only if each value that the key
   * names has the same text (`5` and `"5"` are the same) and nothing that `unlessChanged` names differs. You can
   * pass the function on: it does not use `this`.
   *
   * It reads only own properties that hold a value: nothing inherited, no getter, no proxy.
   *
   * @example
   * ```ts
   * import { readSettings } from "with-idempotency/settings";
   *
   * const { keyFor } = readSettings({ key: "order-shipped:{{order.id}}", time: 5, unit: "minutes" });
   * console.log(keyFor({ order: { id: 1041 } })); // → order-shipped:[1041]
   * ```
   *
   * @throws InvalidKeyError `INVALID_KEY`, with the path, if a value is missing, empty or only white space, or is
   * not a string, finite number, bigint or boolean; or if `unlessChanged` leads to something other than plain data
   */
  readonly keyFor: (data: unknown) => Key;
  /**
   * The paths that the key names, as they were written. If there are none, the key is the same for every event,
   * and a form may warn about that.
   */
  readonly paths: readonly string[];
  /** A copy of the input, to show or to store. */
  readonly json: SettingsJson;
}
