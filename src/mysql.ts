export type { MysqlCallbacks, MysqlClient, MysqlConnection, MysqlQuery } from "./stores/mysql/client.ts";
export type { MysqlStoreOptions } from "./stores/mysql/options.ts";
export { type MysqlStore, mysqlSchema, mysqlStore } from "./stores/mysql/store.ts";
export type { StoreWarning } from "./stores/shared/warning.ts";
export type { SqlStoreOptions } from "./stores/sql/options.ts";
