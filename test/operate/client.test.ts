import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { sqliteStore } from "../../src/sqlite.ts";
import { redisUrl } from "../support/servers/describe.ts";
import { startRedisCluster } from "../support/servers/redis-cluster.ts";
import { command, linesOf } from "./command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "with-idempotency-client-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A project that has that package under that name, and no other. */
function projectWith(name: string, as = name): string {
  const project = mkdtempSync(join(folder, "project-"));
  mkdirSync(dirname(join(project, "node_modules", as)), { recursive: true });
  symlinkSync(realpathSync(resolve("node_modules", name)), join(project, "node_modules", as));
  return project;
}

const PROVIDED: [name: string, as: string][] = [
  ["ioredis", "ioredis"],
  ["ioredis5", "ioredis"],
  ["iovalkey", "iovalkey"],
  ["redis", "redis"],
  ["redis5", "redis"],
];

describe("the client that a project has", () => {
  it.skipIf(redisUrl() === undefined).each(PROVIDED)("may be %s, for Redis", async (name, as) => {
    const cwd = projectWith(name, as);
    const at = ["--redis", redisUrl()!, "--prefix", `${name}:`];
    expect(await command(["list", ...at], { cwd })).toEqual({ code: 0, out: "", err: "" });
    const found = linesOf(await command(["doctor", ...at], { cwd }));
    expect(found).toContainEqual(expect.objectContaining({ check: "rights", status: "ok" }));
    expect(await command(["purge", "--yes", ...at], { cwd })).toMatchObject({
      code: 0,
      err: expect.any(String),
    });
    const down = ["--redis", "redis://user:hunter2@127.0.0.1:1"];
    const refused = await command(["list", ...down], { cwd });
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining("no connection to Redis") });
  });

  it.each(["pg", "postgres"])("may be %s, for PostgreSQL", async name => {
    const cwd = projectWith(name);
    const ended = await command(["doctor", "--postgres", inject("postgresUrl")], { cwd });
    expect(linesOf(ended)).toContainEqual(expect.objectContaining({ check: "encoding", status: "ok" }));
    const down = ["--postgres", "postgres://user:hunter2@127.0.0.1:1/db"];
    expect(await command(["list", ...down], { cwd })).toMatchObject({ code: 3 });
  });

  it.each(["mysql:", "mariadb:"])("may be mysql2, for MySQL, by %s", async protocol => {
    const cwd = projectWith("mysql2");
    const url = inject("mysqlUrl").replace("mysql:", protocol);
    const ended = await command(["doctor", "--mysql", url], { cwd });
    expect(linesOf(ended)).toContainEqual(expect.objectContaining({ check: "version", status: "ok" }));
    const down = ["--mysql", `${protocol}//user:hunter2@127.0.0.1:1/db`];
    expect(await command(["list", ...down], { cwd })).toMatchObject({ code: 3 });
  });

  it("may be the AWS SDK, for DynamoDB", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    const cwd = projectWith("@aws-sdk/client-dynamodb");
    const at = ["--dynamodb", "eu-central-1", "--endpoint", inject("dynamodbUrl"), "--table", "not-there"];
    expect(linesOf(await command(["doctor", ...at], { cwd }))).toMatchObject([
      { check: "table", status: "problem", found: expect.stringContaining("no table not-there") },
      { check: "clock", status: "ok" },
    ]);
    const { code, err } = await command(["list", ...at], { cwd });
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining("createTable()") });
  });

  it("may be libsql, for SQLite, which shows a listing of many pages", async () => {
    const cwd = projectWith("libsql");
    const database = new Database(join(cwd, "keys.db"));
    const { withIdempotency } = createIdempotency({ store: sqliteStore(database) });
    for (let n = 0; n < 450; n += 1) await withIdempotency(["email", n], "1h", () => n);
    const args = ["list", "--state", "completed", "--sqlite", "keys.db"];
    const { out } = await command(args, { cwd, isTerminal: true });
    expect(out).toMatch(/^450 keys completed$/m);
    expect(out.match(/^KEY/gm)).toHaveLength(1);
    const answered = await command(["purge", "--sqlite", "keys.db"], { cwd, answer: "n" });
    expect(answered).toMatchObject({ code: 1, err: expect.stringContaining("Nothing was changed") });
    database.exec("DELETE FROM idempotency_keys WHERE key <> 'email:1'");
    expect((await command(args, { cwd, isTerminal: true })).out).toMatch(/^1 key completed$/m);
    database.close();
  });

  it("is told by name if it cannot be loaded", async () => {
    const cwd = mkdtempSync(join(folder, "broken-"));
    mkdirSync(join(cwd, "node_modules/pg"), { recursive: true });
    writeFileSync(join(cwd, "node_modules/pg/index.js"), "throw new Error('no native part');");
    const { code, err } = await command(["list", "--postgres", "postgres://host/db"], { cwd });
    expect(code).toBe(3);
    expect(err).toContain("pg is installed but cannot be loaded: no native part");
  });
});

it.skipIf(redisUrl() === undefined)(
  "node-redis finds a cluster by one of its nodes, too",
  async () => {
    const cluster = await startRedisCluster();
    try {
      const cwd = projectWith("redis");
      const ended = await command(["doctor", "--redis", cluster.nodes[1]!.url], { cwd });
      expect(linesOf(ended)).toContainEqual(expect.objectContaining({ check: "rights", status: "ok" }));
    } finally {
      await cluster.stop();
    }
  },
  60_000,
);
