export { readSettings, type SettingsReader } from "./settings/read-settings.ts";
export { settingsSchema } from "./settings/schema.ts";
export type { IdempotencySettings, SettingsJson } from "./settings/settings.ts";
export type { SettingsIssue, SettingsResult, SettingsStandard } from "./settings/standard.ts";
