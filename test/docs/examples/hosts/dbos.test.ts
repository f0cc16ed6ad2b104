import { test } from "vitest";
import { dbos } from "../../../../examples/hosts/dbos/host.ts";
import { expectOneMailEach, TIMEOUT_MS } from "./compare.ts";

// Finished steps do not run again: only the mails that were under way are duplicates.
test("DBOS sends each mail once, and some twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
  expectOneMailEach(dbos, { duplicates: 3 }),
);
