import { describe, inject, it, vi } from "vitest";
import { describeProcesses, expectOneRun, startWorkers } from "../shared/processes.ts";
import { dynamodbScene } from "./scene.ts";
import type { DynamodbTask } from "./worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
const { table } = scene;
const workers = startWorkers<DynamodbTask>("dynamodb/worker.ts", () => ({ url: scene.url, table }));

// Of clocks that are further apart than the skew, no promise is made.
describeProcesses(workers, { apartMs: 1_000 });

describe("processes on one DynamoDB", () => {
  it("run a thousand calls at once from four of them once", async () => {
    await expectOneRun(workers, task => Array.from({ length: 4 }, () => workers.run("crowd", task)));
  });
});
