import { defineConfig, type Options } from "tsup";
import { BUILT } from "./scripts/entries.ts";

const ENTRIES = Object.fromEntries(BUILT.map(name => [name, `src/${name}.ts`]));
const { index, ...others } = ENTRIES;

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
    onResolve({ filter: /\/(errors|create-idempotency)\.ts$/ }, () => ({
      path,
      external: true,
    }));
  },
};

export default defineConfig([
  { ...COMMON, entry: { index: index! } },
  { ...COMMON, entry: others, esbuildPlugins: [fromRoot] },
  {
    entry: ENTRIES,
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
