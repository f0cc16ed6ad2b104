import { test } from "vitest";
import { bullmq } from "../../../../examples/hosts/bullmq/host.ts";
import { describeWithRedis } from "../../../support/servers/describe.ts";
import { expectOneMailEach, TIMEOUT_MS } from "./compare.ts";

describeWithRedis("BullMQ", () => {
  // Whole jobs run again: the first mail of a job whose second one failed is a duplicate too.
  test("sends each mail once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
    expectOneMailEach(bullmq, { duplicates: 7 }),
  );
});
