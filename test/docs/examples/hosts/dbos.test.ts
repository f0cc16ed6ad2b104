import { test } from "vitest";
import { dbos } from "../../../../examples/hosts/dbos/host.ts";
import { expectOneEmailEach, TIMEOUT_MS } from "./compare.ts";

// Finished steps do not run again: only the emails that were under way are duplicates.
test("DBOS sends each email once, and some twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
  expectOneEmailEach(dbos, { duplicates: 3 }),
);
