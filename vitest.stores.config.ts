import { defineConfig } from "vitest/config";
import { projects } from "./test/support/projects.ts";
import base, { isOfStores } from "./vitest.config.ts";

export default defineConfig({
  ...base,
  test: { ...base.test, projects: projects(isOfStores), maxWorkers: 1 },
});
