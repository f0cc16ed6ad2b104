import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { mysqlStore } from "../../src/mysql.ts";
import { DOCTOR } from "../../src/operate/command/doctor.ts";
import { postgresStore } from "../../src/postgres.ts";
import { command, type Ended, run, SOURCE } from "./command.ts";

const HANGS_MS = 25_000;
const orHangs = (ended: Promise<Ended>) => Promise.race([ended, sleep(HANGS_MS, "hangs")]);
const ends = (args: readonly string[]) => orHangs(command(args));

vi.setConfig({ testTimeout: 40_000 });

describe("a server that takes a connection and says nothing ends the command with 3", () => {
  const open = new Set<Socket>();
  let server: Server;
  let at: string;
  beforeAll(async () => {
    server = createServer(socket => open.add(socket.on("error", () => {}).resume()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });

  it.concurrent("as Redis", async () => {
    expect(await ends(["list", "--redis", `redis://${at}`])).toMatchObject({ code: 3 });
  });

  it.concurrent("as DynamoDB", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    const args = ["list", "--dynamodb", "eu-central-1", "--endpoint", `http://${at}`];
    expect(await ends(args)).toMatchObject({ code: 3 });
  });
});

describe("a table that another session has locked ends the command with 3", () => {
  const table = `locked_${Date.now()}`;

  it.concurrent("in PostgreSQL", async () => {
    const pool = new pg.Pool({ connectionString: inject("postgresUrl") });
    await postgresStore(pool, { table }).migrate();
    const other = await pool.connect();
    await other.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const args = ["inspect", "k", "--postgres", inject("postgresUrl"), "--table", table];
    const asProcess = orHangs(run(process.execPath, [...SOURCE, ...args]));
    const ended = [await ends(args), await asProcess];
    await other.query(`DROP TABLE ${table}; COMMIT`);
    other.release();
    await pool.end();
    for (const each of ended)
      expect(each).toMatchObject({ code: 3, err: expect.stringContaining("no answer within 5000 ms") });
  });

  it.concurrent("in MySQL", async () => {
    const other = await mysql.createConnection(inject("mysqlUrl"));
    const pool = mysql.createPool(inject("mysqlUrl"));
    await mysqlStore(pool, { table }).migrate();
    await other.query(`LOCK TABLES ${table} WRITE`);
    const ended = await ends(["inspect", "k", "--mysql", inject("mysqlUrl"), "--table", table]);
    await other.query("UNLOCK TABLES");
    await other.query(`DROP TABLE ${table}`);
    await other.end();
    await pool.end();
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining("no answer within 5000 ms") });
  });
});

it("doctor waits a minute for all answers of a server", async () => {
  vi.useFakeTimers();
  const open = async () => ({ examine: () => new Promise(() => {}) });
  const examined = DOCTOR.run({ open } as unknown as Parameters<typeof DOCTOR.run>[0]);
  const refused = expect(examined).rejects.toThrow("did not answer all questions within 60 s");
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  await refused;
});
