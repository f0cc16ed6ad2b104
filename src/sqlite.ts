export type { StoreWarning } from "./stores/shared/warning.ts";
export type { SqlStoreOptions } from "./stores/sql/options.ts";
export { type D1Store, d1Schema, d1Store } from "./stores/sqlite/d1.ts";
export type { D1Answer, D1Client, D1Statement } from "./stores/sqlite/d1-client.ts";
export type { SqliteDatabase, SqliteStatement } from "./stores/sqlite/database.ts";
export { durableObjectStore } from "./stores/sqlite/durable-object.ts";
export type { DurableObjectCursor, DurableObjectSqlite } from "./stores/sqlite/durable-object-storage.ts";
export type { CloudflareStoreOptions, SqliteStoreOptions } from "./stores/sqlite/options.ts";
export { type SqliteStore, sqliteStore } from "./stores/sqlite/store.ts";
