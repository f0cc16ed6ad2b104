import { configDefaults, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

// Without the tests that start processes, which see the built package and not its mutants.
export default mergeConfig(base, {
  test: { exclude: [...configDefaults.exclude, "test/{package,docs,examples}/**", "test/*.clients.test.ts"] },
});
