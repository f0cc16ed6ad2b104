import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

// Without the tests that start processes, which the mutants do not reach, those of the stores on
// servers, the interleavings, which would take half of the time, and what tests other files than those that are
// mutated. Not by `mergeConfig`, which would keep the servers' start.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    globalSetup: [],
    // Each mutant has a process of its own: its test files need not have one each.
    isolate: false,
    // Stryker has a timeout of its own for each mutant.
    testTimeout: 60_000,
    setupFiles: ["test/helpers/mutation.ts"],
    exclude: [
      ...configDefaults.exclude,
      "test/{package,docs,examples,servers,helpers,simulation,history,fuzz,chaos,testing}/**",
      "test/stores/{redis,postgres,sqlite,sql,record,warning}*",
      "test/runtimes/{docs,report}*",
      "test/{digest,interrupted-in-transit}*",
      "test/*.processes.test.ts",
      "test/interleavings.test.ts",
    ],
  },
});
