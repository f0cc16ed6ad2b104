import { readFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Options } from "tsup";
import { MUTANTS, without } from "../simulation/mutants.ts";
import { mutantOf } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const SOURCE = join(ROOT, "src/");

/**
 * Bundles the programs of a run into a folder, so that a new life of a process is a matter of milliseconds, and no
 * edit changes a run that goes on. Answers where they are.
 */
export async function bundle(dir: string, mutant: string | undefined): Promise<string> {
  await symlink(join(ROOT, "node_modules"), join(dir, "node_modules"));
  // As deep as the sources are, for those that look for a file beside them.
  const outDir = join(dir, "test/proof/chaos");
  await build({
    entry: ["worker.ts", "effects-server.ts"].map(name => fileURLToPath(new URL(name, import.meta.url))),
    outDir,
    format: "esm",
    outExtension: () => ({ js: ".mjs" }),
    target: "node20",
    tsconfig: join(ROOT, "tsconfig.json"),
    config: false,
    silent: true,
    skipNodeModulesBundle: true,
    // Into a folder of its own: nothing to clean.
    clean: false,
    esbuildPlugins: mutant === undefined ? [] : mutating(mutant),
  });
  return outDir;
}

type Plugins = NonNullable<Options["esbuildPlugins"]>;

/** Takes a line out of the package where the mutant is one of its engine. */
function mutating(name: string): Plugins {
  const { engine } = mutantOf(name);
  if (engine === undefined) return [];
  const mutant = MUTANTS.find(({ protection }) => protection === engine);
  if (mutant === undefined) throw new Error(`expected a mutant of the simulation; got ${engine}`);
  const transform = without(mutant);
  return [
    {
      name: "mutant",
      setup: builder =>
        builder.onLoad({ filter: /\.ts$/ }, ({ path }) =>
          path.startsWith(SOURCE)
            ? { contents: transform(path.slice(SOURCE.length), readFileSync(path, "utf8")), loader: "ts" }
            : undefined,
        ),
    },
  ];
}
