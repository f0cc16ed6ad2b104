import { type IdempotencySettings, readSettings } from "./library.ts";
import type { KeyForm } from "./scenario.ts";

/** The form as a workflow's runtime reads it. Throws `INVALID_OPTION` with all of its faults. */
export function readForm({ key, time, unit }: KeyForm): IdempotencySettings {
  return readSettings({ key, time, unit });
}
