import { defineConfig, type Options } from "tsup";

const ROOT = { entry: { index: "src/index.ts" } };
const OTHERS = {
  entry: {
    redis: "src/stores/redis.ts",
    postgres: "src/stores/postgres.ts",
    sqlite: "src/stores/sqlite.ts",
    opentelemetry: "src/opentelemetry/index.ts",
    diagnostics: "src/diagnostics.ts",
    testing: "src/testing/index.ts",
  },
};

const COMMON = {
  format: ["esm", "cjs"],
  target: "es2022",
  platform: "node",
  sourcemap: true,
  removeNodeProtocol: false,
  // A file for each entry: shared chunks cost an `import` a millisecond each, and tsup makes those of CommonJS with a
  // compiler that turns `?.` into calls.
  splitting: false,
} satisfies Options;

/** Takes what has to exist once, such as the classes that `instanceof` compares, from the root entry. */
const fromRoot: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "from-root",
  setup({ initialOptions, onResolve }) {
    const path = `./index${initialOptions.outExtension?.[".js"] ?? ".js"}`;
    onResolve({ filter: /\/(errors|idempotency)\.ts$/ }, () => ({ path, external: true }));
  },
};

export default defineConfig([
  { ...COMMON, ...ROOT },
  { ...COMMON, ...OTHERS, esbuildPlugins: [fromRoot] },
  {
    entry: { ...ROOT.entry, ...OTHERS.entry },
    format: COMMON.format,
    dts: {
      only: true,
      // tsup sets `baseUrl`, which TypeScript 6 refuses as deprecated.
      compilerOptions: {
        ignoreDeprecations: "6.0",
        noEmit: false,
        allowImportingTsExtensions: true,
        emitDeclarationOnly: true,
      },
    },
  },
]);
