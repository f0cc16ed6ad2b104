import { beforeAll, describe, expect, inject, test } from "vitest";
import { databases, http, mark, smtp } from "./clients/root.mjs";
import { broken } from "./matrix/promises.ts";
import { type Row, runMatrix } from "./matrix/run.ts";
import { pageTable, rowLine } from "./matrix/table.ts";

// The clients that the repository has anyway: `npm run test:field` runs all of them.
const redisUrl = inject("redisUrl") ?? undefined;
const postgresUrl = inject("postgresUrl");
const clients = [...http, ...smtp, ...databases].filter(
  ({ protocol }) => protocol !== "redis" || redisUrl !== undefined,
);
let rows: ReadonlyMap<string, Row>;

beforeAll(async () => {
  const all = await runMatrix(clients, { postgresUrl, redisUrl, mark });
  rows = new Map(all.map(row => [row.client.name, row]));
}, 300_000);

describe.each(clients)("$name", ({ name }) => {
  test("runs again only after what was never sent, or was answered", () => {
    expect(broken(rows.get(name)!)).toEqual([]);
  });

  test.skipIf(process.env["UPDATE_CLIENTS"])("does as docs/clients.md says", () => {
    expect(pageTable().split("\n")).toContain(rowLine(rows.get(name)!));
  });
});
