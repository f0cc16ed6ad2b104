export type { StoreWarning } from "./stores/shared/warning.ts";
export type { SqlStoreOptions } from "./stores/sql/options.ts";
export type { SqliteDatabase, SqliteStatement } from "./stores/sqlite/database.ts";
export type { SqliteStoreOptions } from "./stores/sqlite/options.ts";
export { type SqliteStore, sqliteStore } from "./stores/sqlite/store.ts";
