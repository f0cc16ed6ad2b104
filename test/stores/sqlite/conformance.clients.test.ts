import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type Database from "libsql";
import { describe, expect, it, vi } from "vitest";
import { obtainBinary } from "../../package/runtimes/obtain.ts";
import { NODE_24 } from "../../package/runtimes/versions.ts";
import { run } from "../../support/run.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { obtainBetterSqlite3 } from "./better-sqlite3.ts";
import { conforms } from "./conforms.ts";
import { isLeftOut } from "./harness.ts";

vi.setConfig({ testTimeout: 120_000 });

const [betterSqlite3, node24] = await Promise.all([
  ifObtainable("the SQLite store by better-sqlite3", obtainBetterSqlite3()),
  ifObtainable("the SQLite store by node:sqlite", obtainBinary(NODE_24)),
]);

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
