export type { PostgresClient, PostgresListener, PostgresQuery } from "./stores/postgres/client.ts";
export type { PostgresStoreOptions } from "./stores/postgres/options.ts";
export { type PostgresStore, postgresSchema, postgresStore } from "./stores/postgres/store.ts";
export type { StoreWarning } from "./stores/shared/warning.ts";
export type { SqlStoreOptions } from "./stores/sql/options.ts";
