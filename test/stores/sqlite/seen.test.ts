import Database from "libsql";
import { describe } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite/store.ts";
import { itMindsTheClaim } from "../sql/seen.ts";

const database = new Database(":memory:");
const expire = (key: string) =>
  database.prepare("UPDATE idempotency_keys SET expires_at = 1 WHERE key = ?").run(key);

describe("a store in SQLite", () => itMindsTheClaim({ store: () => sqliteStore(database), expire }));
