import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^with-idempotency$/, replacement: source("./src/index.ts") },
      { find: /^with-idempotency\/(redis|postgres|sqlite)$/, replacement: source("./src/stores/$1.ts") },
      { find: /^with-idempotency\/testing$/, replacement: source("./src/testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/servers/setup.ts"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"],
      thresholds: { branches: 97 },
    },
  },
});
