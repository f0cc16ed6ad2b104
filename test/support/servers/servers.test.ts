import { existsSync } from "node:fs";
import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { node } from "../../docs/child.ts";
import { childrenOf, isAlive } from "./children.ts";
import { describeWithRedis } from "./describe.ts";
import { ask, startPostgres } from "./postgres.ts";
import { until } from "./process.ts";
import { askInfo, startRedis } from "./redis.ts";

const TIMEOUT = { timeout: 60_000 };

describe("a PostgreSQL of the test's own", () => {
  it("survives a crash with its data, can be paused, and leaves nothing", TIMEOUT, async () => {
    const server = await startPostgres({ settings: { work_mem: "1234kB" } });
    try {
      expect(await ask(server.url, "SHOW work_mem")).toEqual({ work_mem: "1234kB" });
      await ask(server.url, "CREATE TABLE kept AS SELECT 7 AS seven");
      const first = server.pid;
      const all = [first, ...childrenOf(first)];
      await server.kill();
      expect(all.filter(isAlive)).toEqual([]);
      await server.restart();
      expect(server.pid).not.toBe(first);
      expect(await ask(server.url, "SELECT seven FROM kept")).toEqual({ seven: 7 });
      await pauses(server);
    } finally {
      await server.stop();
    }
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.dir)).toBe(false);
  });

  async function pauses(server: { url: string; pause(): void; resume(): void }) {
    const client = new pg.Client(server.url);
    await client.connect();
    server.pause();
    let answered = false;
    const answer = client.query("SELECT 1").then(() => {
      answered = true;
    });
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    server.resume();
    await answer;
    await client.end();
  }
});

describeWithRedis("a Redis of the test's own", () => {
  it("starts again where it was, can be paused, and leaves nothing", TIMEOUT, async () => {
    const server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    const client = new Redis(server.url);
    client.on("error", () => {});
    try {
      await client.set("seven", "7");
      const first = server.pid;
      await server.kill();
      expect(isAlive(first)).toBe(false);
      await server.restart();
      expect(await client.get("seven")).toBe("7");
      server.pause();
      const answer = client.get("seven");
      expect(await Promise.race([answer, new Promise(resolve => setTimeout(resolve, 200))])).toBeUndefined();
      server.resume();
      expect(await answer).toBe("7");
    } finally {
      client.disconnect();
      await server.stop();
    }
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.dir)).toBe(false);
  });

  it("is the run's own one, or the one that was named", async () => {
    expect(await askInfo(inject("redisUrl") ?? "")).toHaveProperty("process_id");
  });
});

describe("the watchdog", () => {
  it("ends a server whose owner was killed, and removes its folder", TIMEOUT, async () => {
    const owner = new URL("owner.ts", import.meta.url).pathname;
    const { stdout } = await node(["--import", "tsx", owner]);
    const { pid, dir } = JSON.parse(stdout) as { pid: number; dir: string };
    await until("the server has ended", () => !isAlive(pid) && !existsSync(dir));
  });
});

it("provides a PostgreSQL for the run", async () => {
  expect(await ask(inject("postgresUrl"), "SELECT 1 AS one")).toEqual({ one: 1 });
});
