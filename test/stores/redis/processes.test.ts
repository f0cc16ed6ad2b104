import { randomUUID } from "node:crypto";
import { it, vi } from "vitest";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { describeProcesses, expectOneRun, startWorkers } from "../shared/processes.ts";
import type { RedisTask } from "./worker.ts";

vi.setConfig({ testTimeout: 60_000 });

describeWithRedis("processes on one Redis", url => {
  const prefix = `${randomUUID()}:`;
  const workers = startWorkers<RedisTask>("redis/worker.ts", () => ({ url, prefix }));

  describeProcesses(workers);

  it("run a thousand calls at once from four of them once", async () => {
    await expectOneRun(workers, task => Array.from({ length: 4 }, () => workers.run("crowd", task)));
  });
});
