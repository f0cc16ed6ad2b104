import mysql from "mysql2/promise";
import { mysqlStore } from "../../../src/stores/mysql/store.ts";
import { type CallBy, type Task, taskOf, work } from "../shared/work.ts";

/** What a process does with a key of a MySQL. */
export interface MysqlTask extends Task {
  url: string;
  table: string;
  /** Claims and runs on a transaction. */
  inTransaction?: boolean;
}

const task = taskOf<MysqlTask>();
const pool = mysql.createPool({ uri: task.url });
const store = mysqlStore(pool, { table: task.table });

const onTransaction: CallBy = async call => {
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  const end = await call(store.inTransaction(connection));
  await connection.commit();
  connection.release();
  return end;
};

await work(task, store, task.inTransaction ? onTransaction : undefined);
await pool.end();
