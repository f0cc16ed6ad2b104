import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    redis: "src/stores/redis.ts",
    postgres: "src/stores/postgres.ts",
    sqlite: "src/stores/sqlite.ts",
    opentelemetry: "src/opentelemetry/index.ts",
    diagnostics: "src/diagnostics.ts",
    testing: "src/testing/index.ts",
  },
  format: ["esm", "cjs"],
  target: "es2022",
  platform: "neutral",
  // One copy of the error classes for all CommonJS entries: without it `instanceof` across entries is false.
  splitting: true,
  sourcemap: true,
  clean: true,
  // tsup sets `baseUrl`, which TypeScript 6 refuses as deprecated.
  dts: {
    compilerOptions: {
      ignoreDeprecations: "6.0",
      noEmit: false,
      allowImportingTsExtensions: true,
      emitDeclarationOnly: true,
    },
  },
});
