import { defineConfig } from "vitest/config";
import base from "./vitest.mutation.config.ts";

// `npm run dev`: the tests of single files, which start neither a server nor a process. Beside those of mutants, whose
// haste it shares, it has the tests of the sources' order.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/unit/**/*.test.ts"],
    exclude: [],
    testTimeout: 30_000,
    // Threads share what is transformed, and nothing here waits for a server.
    pool: "threads",
    maxWorkers: "100%",
  },
});
