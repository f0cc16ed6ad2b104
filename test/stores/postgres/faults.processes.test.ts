import { describe, expect, inject, it, vi } from "vitest";
import { describeProcesses, expectOneRun, startWorkers } from "../shared/processes.ts";
import { postgresScene } from "./scene.ts";
import type { PostgresTask } from "./worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const scene = postgresScene(() => inject("postgresUrl"));
const { table } = scene;
const workers = startWorkers<PostgresTask>("postgres/worker.ts", () => ({ url: scene.url, table }));
const { run } = workers;

describeProcesses(workers);

describe("processes on one PostgreSQL", () => {
  it("leave nothing where one is killed on a transaction, so that the next runs at once", async () => {
    await run("rolled-back", { dies: "inside", inTransaction: true });
    expect((await run("rolled-back", { inTransaction: true })).ends?.[0]).toMatchObject({
      value: "sent 1",
      persisted: true,
    });
  });

  it("run a thousand calls at once from four of them once", async () => {
    await expectOneRun(workers, task => Array.from({ length: 4 }, () => run("crowd", task)));
  });

  it("may make the table at once", async () => {
    const made = `${table}_made_at_once`;
    const ends = await Promise.all(
      Array.from({ length: 4 }, () => run("m", { migrates: true, table: made })),
    );
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect((await scene.probe.query(`SELECT count(*)::int AS n FROM ${made}`)).rows).toEqual([{ n: 0 }]);
  });
});
