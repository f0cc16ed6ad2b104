import { join } from "node:path";
import Database from "libsql";
import { afterAll, describe, expect, it, vi } from "vitest";
import { describeProcesses, expectOneRun, startWorkers } from "../shared/processes.ts";
import { sqliteFolder } from "./harness.ts";
import type { SqliteTask } from "./worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const files = sqliteFolder(file => new Database(file));
const fileOf = (name: string) => join(files.folder, name);
const workers = startWorkers<SqliteTask>("sqlite/worker.ts", () => ({ file: fileOf("keys.db") }));
const { begin, run } = workers;

afterAll(() => files.close());

describeProcesses(workers);

describe("processes on one file", () => {
  it("leave nothing, not even a lock, where one is killed within the transaction of its claim", async () => {
    // A file of its own, on which nobody else writes.
    const file = fileOf("claiming.db");
    expect((await run("claiming", { file, diesClaiming: true })).signal).toBe("SIGKILL");
    const next = await run("claiming", { file, options: { waitTimeout: "0s" } });
    expect(next.ends?.[0]).toMatchObject({ value: "sent 1", attempt: 1, persisted: true });
  });

  it("run a thousand calls at once from four of them once, the first of all on the file", async () => {
    await expectOneRun(workers, task => {
      const crowd = Array.from({ length: 4 }, () =>
        begin("crowd", { file: fileOf("crowd.db"), waits: true, ...task }),
      );
      Promise.all(crowd.map(({ ready }) => ready)).then(() => {
        for (const { child } of crowd) child.stdin.end("go\n");
      });
      return crowd.map(({ end }) => end);
    });
  });
});
