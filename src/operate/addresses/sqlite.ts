import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { quotedTable } from "../../stores/sql/table.ts";
import { sqliteStore } from "../../stores/sqlite/store.ts";
import { CommandError, EXIT } from "../command/failure.ts";
import { examineSqlite } from "../doctor/sqlite.ts";
import type { Address, OpenedStore } from "./address.ts";
import { type LoadedClient, loadClient } from "./client.ts";

export const SQLITE: Address = {
  value: "FILE",
  summary: "an SQLite database on this machine",
  clients: ["better-sqlite3", "libsql", "node:sqlite"],
  takes: ["table"],
  async open(path, { table = "idempotency_keys" }, io): Promise<OpenedStore> {
    // Refuses a name that is none.
    quotedTable(table);
    const file = resolve(io.cwd, path);
    // To open what is not there would make it.
    if (!existsSync(file))
      throw new CommandError(EXIT.store, `expected a database in ${file}; there is no such file`);
    const database = open(await loadClient(io, SQLITE.clients), file);
    const store = () => {
      // The store would make that, too.
      const find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
      if (database.prepare(find).get(table) === undefined) {
        throw new CommandError(
          EXIT.store,
          `expected the table ${table} in ${file}; there is none: pass its name with --table`,
        );
      }
      return sqliteStore(database, { table });
    };
    return {
      store,
      purge: () => store().purge(),
      examine: () => examineSqlite(database, file, table),
      close: async () => void database.close(),
    };
  },
};

function open({ name, exports }: LoadedClient, file: string) {
  return name === "node:sqlite" ? new exports.DatabaseSync(file) : new exports(file);
}
