import { join } from "node:path";
import { build } from "tsup";

const PORTABLE = join(import.meta.dirname, "portable");

const COMMON = {
  config: false,
  silent: true,
  clean: false,
  dts: false,
  splitting: false,
  target: "es2022",
} as const;
const EXTENSIONS = { esm: ".mjs", cjs: ".cjs" };

/**
 * Builds the checks into the folder of somebody who installed the package: as modules that import it or require it,
 * and as bundles with it (and what it depends on), as one makes them for a browser or a worker.
 */
export async function buildChecks(folder: string): Promise<void> {
  const entry = {
    checks: join(PORTABLE, "main.ts"),
    worker: join(PORTABLE, "worker.ts"),
    serve: join(import.meta.dirname, "serve.ts"),
  };
  await build({
    ...COMMON,
    entry,
    outDir: folder,
    format: ["esm", "cjs"],
    platform: "neutral",
    external: [/^with-idempotency/, /^node:/],
    outExtension: ({ format }) => ({ js: EXTENSIONS[format as keyof typeof EXTENSIONS] }),
  });
  // From what stands in that folder, so that the package is the one installed there.
  await build({
    ...COMMON,
    entry: { "checks.bundle": join(folder, "checks.mjs"), "worker.bundle": join(folder, "worker.mjs") },
    outDir: folder,
    format: ["esm"],
    platform: "browser",
    noExternal: [/./],
    outExtension: () => ({ js: ".mjs" }),
  });
}
