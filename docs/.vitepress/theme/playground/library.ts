// The package's own source, so that the page shows what this revision does.
export * from "../../../../src/index.ts";
export { type IdempotencySettings, readSettings, settingsSchema } from "../../../../src/settings.ts";
export { faultyStore, gate, type ManualClock, manualClock } from "../../../../src/testing.ts";
