import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeConformance } from "../../../src/testing.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { obtainWorkerRuntime, type RunningWorker, startWorker } from "../../support/servers/workerd.ts";
import { type Conformance, cloudflareHarness, type Making } from "./conformance.ts";
import { TESTED } from "./scene.ts";

const TIMEOUT_MS = 240_000;

const runtime = await ifObtainable("the stores on Cloudflare, by workerd", obtainWorkerRuntime());

// What the suite has for such stores: the cases' names are known before they run.
const namesOf = (making: Partial<Making>) =>
  storeConformance(cloudflareHarness({ create: () => ({}) as never, ...making })).cases;
const [whole, operations] = [namesOf({ count: async () => 0 }), namesOf({})];

describe.skipIf(runtime === undefined)("on workerd", () => {
  let worker: RunningWorker;

  beforeAll(async () => {
    worker = await startWorker(runtime!, join(import.meta.dirname, "worker/worker.ts"), TESTED);
  }, TIMEOUT_MS);
  afterAll(() => worker.stop());

  describe.each([
    ["D1", "/conformance/d1", whole, /full|settled|without a call/],
    ["a Durable Object's SQLite", "/conformance/object", whole, /full|settled|without a call/],
    ["Durable Objects, by RPC", "/conformance/objects-by-rpc", operations, /full|settled|^S10|^B6|^list/],
  ] as const)("a store in %s", (_, path, cases, leftOut) => {
    let outcome: Conformance;

    beforeAll(async () => {
      outcome = (await (await worker.ask(path)).json()) as Conformance;
    }, TIMEOUT_MS);

    it.each(cases)("$name", ({ name }) => {
      expect(outcome.cases).toContain(name);
      expect(outcome.failures[name]).toBeUndefined();
    });

    it("is covered, but for hints, a storage that is full, and what it has none of", () => {
      expect(outcome.uncovered.filter(name => !leftOut.test(name))).toEqual([]);
    });
  });
});
