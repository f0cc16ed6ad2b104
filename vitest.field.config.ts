import { configDefaults, defineConfig } from "vitest/config";
import base, { FIELD } from "./vitest.config.ts";

export default defineConfig({
  ...base,
  test: { ...base.test, include: FIELD, exclude: configDefaults.exclude, maxWorkers: 1 },
});
