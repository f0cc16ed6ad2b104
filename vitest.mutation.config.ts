import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

// The tests that need no server and start no process. Not by `mergeConfig`, which would keep the projects and their servers.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    projects: undefined,
    // Each mutant has a process of its own: its test files need not have one each.
    isolate: false,
    // Stryker has a timeout of its own for each mutant.
    testTimeout: 300_000,
    setupFiles: ["test/support/mutation.ts"],
    include: ["test/{unit,behaviour}/**/*.test.ts", "test/field/{process,results}.test.ts"],
    exclude: [
      ...configDefaults.exclude,
      // They read the sources, which hold a mutant's switches here.
      "test/unit/*.test.ts",
      // Of code that is not mutated.
      "test/unit/{testing,observability,operate,http,settings}/**",
      "test/behaviour/http*",
      "test/unit/util/sha256*",
      "test/behaviour/*.processes.test.ts",
      // It loads the package a second time. Stryker then tries the mutants of module-level constants in this file alone.
      "test/behaviour/copies.test.ts",
    ],
  },
});
