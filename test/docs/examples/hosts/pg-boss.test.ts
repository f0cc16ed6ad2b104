import { test } from "vitest";
import { pgBoss } from "../../../../examples/hosts/pg-boss/host.ts";
import { expectOneEmailEach, TIMEOUT_MS } from "./compare.ts";

// Whole jobs run again: the first email of a job whose second one failed is a duplicate too.
test("pg-boss sends each email once, and many twice without the wrapper", { timeout: TIMEOUT_MS }, () =>
  expectOneEmailEach(pgBoss, { duplicates: 7 }),
);
