import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import Database from "libsql";
import mysql from "mysql2/promise";
import pg from "pg";
import { expect, inject, test } from "vitest";
import {
  bytes,
  count,
  FIELDS,
  readField,
  START,
  STORES,
  size,
} from "../../docs/.vitepress/theme/sizing/sizing.ts";
import { createIdempotency, type IdempotencyStore } from "../../src/index.ts";
import { mysqlStore } from "../../src/stores/mysql/store.ts";
import { postgresStore } from "../../src/stores/postgres/store.ts";
import { redisStore } from "../../src/stores/redis/store.ts";
import { sqliteStore } from "../../src/stores/sqlite/store.ts";
import { startRedis } from "../support/servers/redis.ts";
import { ROOT } from "./child.ts";

const KEYS = 16_000;
const RESULT_BYTES = 100;
const page = readFileSync(join(ROOT, "docs/sizing.md"), "utf8");

/** What the page says that a record takes without its result. */
function said(name: string): number {
  const found = new RegExp(
    `name: "${name}", recordBytes: (\\d+)|On ${name} a record takes (\\d+) bytes`,
  ).exec(page);
  return Number(found?.[1] ?? found?.[2]);
}

async function fill(store: IdempotencyStore): Promise<void> {
  const { executeMany } = createIdempotency({ store });
  const items = Array.from({ length: KEYS }, (_, id) => 1_000_000 + id);
  const result = { id: "x".repeat(RESULT_BYTES - JSON.stringify({ id: "" }).length) };
  const config = { key: (id: number) => ["order-shipped", id], ttl: "24h" } as const;
  const outcomes = await executeMany(items, config, batch => batch.map(() => result));
  expect(outcomes.every(outcome => outcome.status === "fulfilled" && outcome.persisted)).toBe(true);
}

/** A server's tables grow by steps, and PostgreSQL's dead rows go when it sees fit. */
function expectNear(bytes: number, name: string): void {
  const measured = bytes / KEYS - RESULT_BYTES;
  expect(measured, name).toBeGreaterThan(said(name) * 0.7);
  expect(measured, name).toBeLessThan(said(name) * 1.3);
}

test("the calculator in the page says what the page's table and sample say", () => {
  for (const { name, recordBytes, firstPerSecond, replaysPerSecond, nodeGB } of STORES) {
    const figures = [recordBytes, firstPerSecond, replaysPerSecond].map(count);
    expect(page).toMatch(new RegExp(`^\\| ${name}.* \\| ${figures.join(" \\| ")} \\|$`, "m"));
    expect(page).toContain(`name: "${name}", recordBytes: ${recordBytes}, `);
    expect(page).toContain(`nodeGB: ${nodeGB} },`);
  }
  const rows = [1e6, 1e8, 1e10].flatMap(keysPerDay =>
    STORES.map(store => {
      const { gigabytes, first, replays, nodes } = size({ ...START, keysPerDay }, store);
      const cells = [count(keysPerDay), store.name, bytes(gigabytes), ...[first, replays, nodes].map(count)];
      return `| ${cells.join(" | ")} |`;
    }),
  );
  for (const row of rows) expect(page.split(row)).toHaveLength(3);
});

test.each([
  ["keysPerDay", "1,000,000", 1_000_000],
  ["keysPerDay", "2e6", 2_000_000],
  ["keysPerDay", "0", undefined],
  ["keysPerDay", "", undefined],
  ["keysPerDay", "many", undefined],
  ["ttlHours", "0.5", 0.5],
  ["ttlHours", "25", undefined],
  ["replays", " 0 ", 0],
] as const)("the calculator's field %s reads %j as %s", (name, text, number) => {
  expect(readField(FIELDS.find(field => field.name === name)!, text)).toBe(number);
});

test("a record takes what the page on sizing says, on Redis", async () => {
  const server = await startRedis();
  const client = new Redis(server.url);
  try {
    const used = async () => Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
    const store = redisStore(client);
    await fill(store);
    const full = await used();
    await client.flushall();
    expectNear(full - (await used()), "Redis");
  } finally {
    client.disconnect();
    await server.stop();
  }
});

test("a record takes what the page on sizing says, on PostgreSQL", async () => {
  const pool = new pg.Pool({ connectionString: inject("postgresUrl") });
  try {
    const store = postgresStore(pool, { table: "sizing" });
    await store.migrate();
    await fill(store);
    const { rows } = await pool.query("SELECT pg_total_relation_size('sizing') AS bytes");
    await pool.query("DROP TABLE sizing");
    expectNear(Number(rows[0].bytes), "PostgreSQL");
  } finally {
    await pool.end();
  }
});

test("a record takes what the page on sizing says, on MariaDB", async () => {
  const pool = mysql.createPool(inject("mysqlUrl"));
  try {
    const store = mysqlStore(pool, { table: "sizing" });
    await store.migrate();
    await fill(store);
    await pool.query("ANALYZE TABLE sizing");
    const [[found]] = await pool.query<mysql.RowDataPacket[]>(
      "SELECT data_length + index_length AS bytes FROM information_schema.tables WHERE table_name = 'sizing'",
    );
    await pool.query("DROP TABLE sizing");
    expectNear(Number(found?.["bytes"]), "MariaDB");
  } finally {
    await pool.end();
  }
});

test("a record takes what the page on sizing says, on SQLite", async () => {
  const database = new Database(":memory:");
  await fill(sqliteStore(database));
  const size = database.prepare(
    "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
  );
  expectNear(Number((size.get(undefined) as { bytes: number }).bytes), "SQLite");
  database.close();
});
