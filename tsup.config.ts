import { readFileSync, writeFileSync } from "node:fs";
import { defineConfig, type Options } from "tsup";
import { ENTRIES as NAMES } from "./scripts/entries.ts";
import { lineMaps } from "./scripts/line-maps.ts";
import { withoutWhiteSpace } from "./scripts/without-white-space.ts";

type EsbuildOptions = Parameters<NonNullable<Options["esbuildOptions"]>>[0];

const ENTRIES = Object.fromEntries(NAMES.map(name => [name, `src/${name}.ts`]));
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
  esbuildOptions: packed,
  plugins: [lineMaps],
} satisfies Options;

/** A map names the lines of the sources. Their text would double the package, and is in the repository. */
function withoutSources(options: EsbuildOptions): void {
  options.sourcesContent = false;
}

/**
 * Half the size, and as good for a stack trace: a map leads to the line in the sources. Lines that are not endless are what
 * a debugger and an editor can show.
 */
function packed(options: EsbuildOptions): void {
  withoutSources(options);
  options.minify = true;
  options.lineLimit = 120;
}

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

/** The command opens stores by what the package has built of them. */
const fromEntries: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "from-entries",
  setup({ onResolve }) {
    onResolve({ filter: /\/fingerprint\.ts$/ }, () => ({ path: "./index.js", external: true }));
    onResolve({ filter: /\/stores\/\w+\/store\.ts$/ }, ({ path }) => {
      const [, name = ""] = /(\w+)\/store\.ts$/.exec(path)!;
      return name in ENTRIES ? { path: `./${name}.js`, external: true } : undefined;
    });
  },
};

const lruCache = JSON.parse(readFileSync("node_modules/lru-cache/package.json", "utf8")) as {
  version: string;
};

/**
 * The LRU goes into the root entry: to find it as a package of its own costs an `import` twice as much as to have it
 * (docs/performance.md). Its build for browsers is the one that asks for no module of Node.js.
 */
const withLru = {
  noExternal: ["lru-cache"],
  esbuildOptions(options, { format }) {
    options.conditions = ["browser"];
    if (format === "cjs") return packed(options);
    withoutSources(options);
    // Shorter to read at each start. No more than that: esbuild would take the marks by which a bundler knows what it may
    // drop, which the plugin keeps.
    options.minifyIdentifiers = true;
  },
  plugins: [withoutWhiteSpace, lineMaps],
  banner: {
    js: `/*! Contains lru-cache ${lruCache.version} by Isaac Z. Schlueter, https://blueoakcouncil.org/license/1.0.0 */`,
  },
} satisfies Options;

/**
 * Both formats export the same, so that one has its declarations from the other. An ES module may import CommonJS' types,
 * and not the other way around.
 */
async function declareOnce(): Promise<void> {
  for (const name of Object.keys(ENTRIES))
    writeFileSync(`dist/${name}.d.ts`, `export * from "./${name}.cjs";\n`);
}

export default defineConfig([
  { ...COMMON, ...withLru, entry: { index: index! }, onSuccess: declareOnce },
  { ...COMMON, entry: others, esbuildPlugins: [fromRoot] },
  // The command is run and not imported: one format, no declarations, and nobody reads it.
  {
    ...COMMON,
    format: ["esm"],
    sourcemap: false,
    minify: true,
    entry: { cli: "src/cli.ts" },
    esbuildPlugins: [fromRoot, fromEntries],
  },
  {
    entry: ENTRIES,
    // For the other format: see `declareOnce`.
    format: ["cjs"],
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
