import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { SqliteDatabase } from "../../../src/stores/sqlite/database.ts";
import { type SqliteStore, sqliteStore } from "../../../src/stores/sqlite/store.ts";
import type { StoreHarness } from "../../../src/testing/conformance/harness.ts";

/** How a client opens a file. */
export type Connect = (file: string) => SqliteDatabase & { close(): unknown };

/** Databases in a folder of their own, and how all of it goes. */
export function sqliteFolder(connect: Connect) {
  const folder = mkdtempSync(join(tmpdir(), "with-idempotency-sqlite-"));
  const open: { close(): unknown }[] = [];
  return {
    folder,
    /** Does without a sync to the disk, which no test takes the power from. */
    connect(name = "keys.db") {
      const database = connect(join(folder, name));
      database.exec("PRAGMA synchronous = OFF");
      open.push(database);
      return database;
    },
    close() {
      for (const database of open) database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All that a client and its store let the suite look at. */
export function sqliteHarness(connect: (file: string) => SqliteDatabase): StoreHarness {
  const [one, other] = [connect("shared.db"), connect("shared.db")];
  const databases = new Map<IdempotencyStore, SqliteDatabase>();
  let made = 0;
  return {
    create: () => sqliteStore(one),
    second: () => sqliteStore(other),
    advance: ms => sleep(ms),
    lists: true,
    many: true,
    cleanup: {
      create() {
        const database = connect(`${made++}.db`);
        const store = sqliteStore(database, { purgeEvery: "1s" });
        databases.set(store, database);
        return store;
      },
      count: store => databases.get(store)?.prepare("SELECT key FROM idempotency_keys").all().length ?? 0,
      withinMs: 1_500,
      purge: store => (store as SqliteStore).purge(),
    },
    // All cases run at once, and each operation holds up the others.
    timeScale: 5,
  };
}

/** What the suite leaves out, for SQLite has neither hints nor a limit. */
export const isLeftOut = (name: string) => /full|settled/.test(name);
