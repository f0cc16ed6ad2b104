import { mysqlStore } from "../../stores/mysql/store.ts";
import { quotedTable } from "../../stores/sql/table.ts";
import { messageOf } from "../command/failure.ts";
import { examineMysql } from "../doctor/mysql.ts";
import type { Address, OpenedStore } from "./address.ts";
import { loadClient } from "./client.ts";

const CONNECT_MS = 5_000;

export const MYSQL: Address = {
  value: "URL",
  summary: "a MySQL or MariaDB server: mysql://user@host:3306/database",
  clients: ["mysql2"],
  takes: ["table"],
  async open(url, { table = "idempotency_keys" }, io): Promise<OpenedStore> {
    // Refuses a name that is none.
    quotedTable(table);
    const { exports } = await loadClient(io, MYSQL.clients);
    const pool = exports.createPool({ uri: url, connectionLimit: 2, connectTimeout: CONNECT_MS }).promise();
    try {
      await pool.query("SELECT 1");
    } catch (error) {
      await pool.end();
      throw new Error(`no connection to MySQL: ${messageOf(error)}`);
    }
    const store = mysqlStore(pool, { table });
    return {
      store: () => store,
      purge: () => store.purge(),
      examine: () => examineMysql(pool, table),
      close: () => pool.end(),
    };
  },
};
