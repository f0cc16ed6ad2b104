import Database from "libsql";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";

// Run by name on a file, with a limit to what a file may hold. Says which outcomes it was told are kept.
const database = new Database(process.argv[2]!);
const store = sqliteStore(database);
database.exec("PRAGMA wal_autocheckpoint = 0");
const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
const kept: string[] = [];
let refusals = 0;

/** The same, fifty keys at a time. */
async function fillByMany(): Promise<void> {
  for (let n = 0; refusals < 8; n += 50) {
    const keys = Array.from({ length: 50 }, (_, at) => `key-${n + at}`);
    const claims = keys.map(key => ({ key, request: { token: key, ...LONG } }));
    const claimed = await store.claimMany!(claims);
    const ours = keys.filter((_, at) => !(claimed[at] instanceof Error));
    kept.push(...ours.map(key => `${key} attempt 1`));
    const items = ours.map(key => ({ key, token: key, outcome: "x".repeat(300), ttlMs: 60_000 }));
    const completed = await store.completeMany!(items);
    kept.push(...ours.filter((_, at) => completed[at] === true).map(key => `${key} completed`));
    if (ours.length < keys.length || completed.some(answer => answer instanceof Error)) refusals++;
  }
}

if (process.argv[3] === "many") await fillByMany();
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
