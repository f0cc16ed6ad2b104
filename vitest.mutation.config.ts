import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

// Without the tests that start processes, which see the built package and not its mutants, and those of the stores on
// servers. Not by `mergeConfig`, which would keep the servers' start.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    globalSetup: [],
    exclude: [
      ...configDefaults.exclude,
      "test/{package,docs,examples,servers,faults,helpers}/**",
      "test/stores/{redis,postgres,sqlite,sql,record,warning}*",
      "test/*.clients.test.ts",
    ],
  },
});
