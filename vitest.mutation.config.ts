import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

// Without the tests that start processes, which see the built package and not its mutants, those of the stores on
// servers, and the interleavings, which would take half of the time. Not by `mergeConfig`, which would keep the
// servers' start.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    globalSetup: [],
    testTimeout: 20_000,
    exclude: [
      ...configDefaults.exclude,
      "test/{package,docs,examples,servers,helpers,runtimes,simulation,history,fuzz,chaos}/**",
      "test/stores/{redis,postgres,sqlite,sql,record,warning}*",
      "test/*.clients.test.ts",
      "test/interleavings.test.ts",
    ],
  },
});
