import { describe, expect, inject, it, vi } from "vitest";
import { describeProcesses, expectOneRun, startWorkers } from "../shared/processes.ts";
import { mysqlScene } from "./scene.ts";
import type { MysqlTask } from "./worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const scene = mysqlScene(() => inject("mysqlUrl"));
const { table } = scene;
const workers = startWorkers<MysqlTask>("mysql/worker.ts", () => ({ url: scene.url, table }));
const { run } = workers;

describeProcesses(workers);

describe("processes on one MySQL", () => {
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
});
