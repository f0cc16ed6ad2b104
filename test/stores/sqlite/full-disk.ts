import Database from "libsql";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";

// Run by name on a file, with a limit to what a file may hold. Says which outcomes it was told are kept.
const database = new Database(process.argv[2]!);
const store = sqliteStore(database);
database.exec("PRAGMA wal_autocheckpoint = 0");
const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const kept: string[] = [];
let refusals = 0;
for (let n = 0; refusals < 8; n++) {
  const key = `key-${n}`;
  try {
    await store.claim(key, { token: "first", ...LONG });
    kept.push(`${key} attempt 1`);
    await store.release(key, "first");
    await store.claim(key, { token: key, ...LONG });
    kept.push(`${key} attempt 2`);
    await store.complete(key, key, "x".repeat(300), 60_000);
    kept.push(`${key} completed`);
  } catch {
    refusals++;
  }
}
console.log(JSON.stringify(kept));
