import Database from "libsql";
import { describe, vi } from "vitest";
import { conforms } from "./conforms.ts";

vi.setConfig({ testTimeout: 120_000 });

describe("a store in SQLite by libsql", () => conforms(file => new Database(file)));
