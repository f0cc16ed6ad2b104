import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type MariaDb, startMariaDb } from "../support/servers/mariadb.ts";
import { sections } from "./clients/every.mjs";
import { mark } from "./clients/root.mjs";
import { broken, count } from "./matrix/promises.ts";
import { type Row, runMatrix } from "./matrix/run.ts";
import { pageTable, tableText, writeTable } from "./matrix/table.ts";

const clients = sections.flatMap(section => section.clients);
let rows: readonly Row[];
let mariaDb: MariaDb | undefined;

afterAll(() => mariaDb?.stop());

beforeAll(async () => {
  mariaDb = await startMariaDb();
  console.log(mariaDb.about);
  const { log, warn, error } = console;
  Object.assign(console, { log() {}, warn() {}, error() {} }); // some clients log every failure
  const servers = { postgresUrl: inject("postgresUrl"), redisUrl: inject("redisUrl") ?? undefined };
  const databases = { ...servers, mysqlUrl: mariaDb.url, mark };
  rows = await runMatrix(clients, databases);
  Object.assign(console, { log, warn, error });
}, 1_200_000);

test("there are at least 40 clients", () => {
  expect(clients.length).toBeGreaterThanOrEqual(40);
  console.log(`${clients.length} clients, ${count(rows)} cells`);
});

describe.each(clients)("$name", client => {
  test("runs again only after what was never sent, or was answered", () => {
    expect(broken(rows.find(row => row.client === client)!)).toEqual([]);
  });
});

test("docs/clients.md shows what they do", () => {
  const table = tableText(sections, rows);
  if (process.env["UPDATE_CLIENTS"]) writeTable(table);
  expect(pageTable().split("\n")).toEqual(table.split("\n"));
});
