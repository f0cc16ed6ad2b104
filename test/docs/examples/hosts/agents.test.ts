import { test } from "vitest";
import { agents } from "../../../../examples/hosts/agents/host.ts";
import { describeWithRedis } from "../../../support/servers/describe.ts";
import { expectOneEmailEach, TIMEOUT_MS } from "./compare.ts";

describeWithRedis("an agent whose tools are an MCP server's", () => {
  // Whole runs begin again: the first email of a run whose second one failed is a duplicate too.
  test("sends each email once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
    expectOneEmailEach(agents, { duplicates: 7 }),
  );
});
