import { test } from "vitest";
import { bullmq } from "../../../../examples/hosts/bullmq/host.ts";
import { describeWithRedis } from "../../../support/servers/describe.ts";
import { expectOneEmailEach, TIMEOUT_MS } from "./compare.ts";

describeWithRedis("BullMQ", () => {
  // Whole jobs run again: the first email of a job whose second one failed is a duplicate too.
  test("sends each email once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
    expectOneEmailEach(bullmq, { duplicates: 7 }),
  );
});
