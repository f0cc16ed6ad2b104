import type { IdempotencySettings, SettingsJson } from "./settings.ts";

/** A fault in settings, in the form of Standard Schema: the field, what came, and what to write. */
export interface SettingsIssue {
  /** For the person who fills in the form. */
  readonly message: string;
  /** The field: `["time"]`, `["unlessChanged", 0]`; empty for the settings as a whole. */
  readonly path: readonly (string | number)[];
}

/** The result of validation: the settings, or their faults. */
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

/** The interface of {@link https://standardschema.dev | Standard Schema} 1, without its package. */
export interface SettingsStandard {
  /** The version of the standard. */
  readonly version: 1;
  /** The vendor of the schema. */
  readonly vendor: "with-idempotency";
  /** Reads settings without throwing. */
  readonly validate: (value: unknown) => SettingsResult;
  /** For the compiler only; never set. */
  readonly types?:
    | {
        /** The type of the input. */
        readonly input: SettingsJson;
        /** The type of the output. */
        readonly output: IdempotencySettings;
      }
    | undefined;
}
