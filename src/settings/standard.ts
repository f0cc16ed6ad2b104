import type { IdempotencySettings, SettingsJson } from "./settings.ts";

/** A fault of settings, as Standard Schema has it: which field, what came, what to write. */
export interface SettingsIssue {
  /** For the person who fills in the form. */
  readonly message: string;
  /** The field: `["time"]`, `["unlessChanged", 0]`; empty for the settings as a whole. */
  readonly path: readonly (string | number)[];
}

/** What validation came to: the settings, or what is wrong with them. */
export type SettingsResult =
  | {
      /** The settings that were read. */
      readonly value: IdempotencySettings;
      /** None. */
      readonly issues?: undefined;
    }
  | {
      /** Every fault. */
      readonly issues: readonly SettingsIssue[];
    };

/** What {@link https://standardschema.dev | Standard Schema} 1 asks for, without its package. */
export interface SettingsStandard {
  /** The version of the standard. */
  readonly version: 1;
  /** Whose schema it is. */
  readonly vendor: "with-idempotency";
  /** Reads settings without throwing. */
  readonly validate: (value: unknown) => SettingsResult;
  /** For the compiler only: never set. */
  readonly types?:
    | {
        /** What is read. */
        readonly input: SettingsJson;
        /** What comes of it. */
        readonly output: IdempotencySettings;
      }
    | undefined;
}
