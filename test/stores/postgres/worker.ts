import pg from "pg";
import { postgresStore } from "../../../src/stores/postgres/store.ts";
import { type CallBy, type Task, taskOf, work } from "../shared/work.ts";

/** What a process does with a key of a PostgreSQL. */
export interface PostgresTask extends Task {
  url: string;
  table: string;
  /** Makes the table, and nothing else. */
  migrates?: boolean;
  /** Claims and runs on a transaction. */
  inTransaction?: boolean;
}

const task = taskOf<PostgresTask>();
const pool = new pg.Pool({ connectionString: task.url });
const store = postgresStore(pool, { table: task.table });

const onTransaction: CallBy = async call => {
  const client = await pool.connect();
  await client.query("BEGIN");
  const end = await call(store.inTransaction(client));
  await client.query("COMMIT");
  client.release();
  return end;
};

if (task.migrates) await store.migrate();
else await work(task, store, task.inTransaction ? onTransaction : undefined);
await pool.end();
