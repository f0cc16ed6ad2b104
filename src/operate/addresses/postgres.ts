import type { PostgresClient } from "../../stores/postgres/client.ts";
import { postgresStore } from "../../stores/postgres/store.ts";
import { quotedTable } from "../../stores/sql/table.ts";
import { messageOf } from "../command/failure.ts";
import { examinePostgres } from "../doctor/postgres.ts";
import type { Address, OpenedStore } from "./address.ts";
import { type Anything, type LoadedClient, loadClient } from "./client.ts";

const CONNECT_MS = 5_000;

export const POSTGRES: Address = {
  value: "URL",
  summary: "a PostgreSQL server: postgres://user@host:5432/database",
  clients: ["pg", "postgres"],
  takes: ["table"],
  async open(url, { table = "idempotency_keys" }, io): Promise<OpenedStore> {
    // Refuses a name that is none.
    quotedTable(table);
    const { client, close } = connect(await loadClient(io, POSTGRES.clients), url);
    try {
      await client.query({ text: "SELECT 1", values: [] });
    } catch (error) {
      await close();
      throw new Error(`no connection to PostgreSQL: ${messageOf(error)}`);
    }
    const store = postgresStore(client, { table, prepare: false });
    return {
      store: () => store,
      purge: () => store.purge(),
      examine: () => examinePostgres(client, table),
      close,
    };
  },
};

function connect({ name, exports }: LoadedClient, url: string) {
  return name === "pg" ? pgPool(exports, url) : postgresJs(exports, url);
}

function pgPool({ Pool }: Anything, url: string): { client: PostgresClient; close(): Promise<void> } {
  const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: CONNECT_MS });
  // Without a listener an idle connection that breaks would end the process.
  pool.on("error", () => {});
  return { client: pool, close: () => pool.end() };
}

function postgresJs(postgres: Anything, url: string): { client: PostgresClient; close(): Promise<void> } {
  const sql = postgres(url, { max: 2, connect_timeout: CONNECT_MS / 1_000, onnotice() {} });
  return {
    client: { query: async ({ text, values }) => ({ rows: await sql.unsafe(text, values) }) },
    close: () => sql.end({ timeout: 1 }),
  };
}
