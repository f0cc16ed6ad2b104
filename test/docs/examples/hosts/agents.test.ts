import { test } from "vitest";
import { agents } from "../../../../examples/hosts/agents/host.ts";
import { describeWithRedis } from "../../../support/servers/describe.ts";
import { expectOneMailEach, TIMEOUT_MS } from "./compare.ts";

describeWithRedis("an agent whose tools are an MCP server's", () => {
  // Whole runs begin again: the first mail of a run whose second one failed is a duplicate too.
  test("sends each mail once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
    expectOneMailEach(agents, { duplicates: 7 }),
  );
});
