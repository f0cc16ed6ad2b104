import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterAll, describe, expect, it, vi } from "vitest";
import { storeConformance } from "../../../src/testing.ts";
import { obtainBinary } from "../../package/runtimes/obtain.ts";
import { NODE_24 } from "../../package/runtimes/versions.ts";
import { run } from "../../support/run.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { itConforms } from "../shared/conforms.ts";
import { obtainBetterSqlite3 } from "./better-sqlite3.ts";
import { type Connect, isLeftOut, sqliteFolder, sqliteHarness } from "./harness.ts";

vi.setConfig({ testTimeout: 120_000 });

function conforms(connect: Connect): void {
  const files = sqliteFolder(connect);
  afterAll(() => files.close());
  const { cases, uncovered } = storeConformance(sqliteHarness(files.connect));

  itConforms(cases, 120_000, 40);

  it("is covered, but for hints and a database that is full", () => {
    expect(uncovered.filter(name => !isLeftOut(name))).toEqual([]);
  });
}

const [betterSqlite3, node24] = await Promise.all([
  ifObtainable("the SQLite store by better-sqlite3", obtainBetterSqlite3()),
  ifObtainable("the SQLite store by node:sqlite", obtainBinary(NODE_24)),
]);

describe("a store in SQLite by libsql", () => conforms(file => new Database(file)));

describe.skipIf(betterSqlite3 === undefined)("a store in SQLite by better-sqlite3", () => {
  conforms(file => new (createRequire(import.meta.url)(betterSqlite3 ?? "") as typeof Database)(file));
});

describe.skipIf(node24 === undefined)("a store in SQLite by node:sqlite", () => {
  it("conforms", async () => {
    const program = fileURLToPath(new URL("conformance-program.ts", import.meta.url));
    const { code, stdout } = await run(node24 ?? "", ["--disable-warning=ExperimentalWarning", program]);
    const { cases, failures, uncovered } = JSON.parse(stdout) as Record<string, string[]>;
    expect(failures).toEqual([]);
    expect(uncovered?.filter(name => !isLeftOut(name))).toEqual([]);
    expect(cases?.length).toBeGreaterThan(80);
    expect(code).toBe(0);
  });
});
