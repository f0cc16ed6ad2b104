import { test } from "vitest";
import { pgBoss } from "../../../../examples/hosts/pg-boss/host.ts";
import { expectOneMailEach, TIMEOUT_MS } from "./compare.ts";

// Whole jobs run again: the first mail of a job whose second one failed is a duplicate too.
test("pg-boss sends each mail once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
  expectOneMailEach(pgBoss, { duplicates: 7 }),
);
