import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

const ROOT = resolve(import.meta.dirname, "../../..");
// A few seconds, and more on a machine that is busy with others.
export const TIMEOUT_MS = 90_000;

/** How an example ended. */
export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What an example is run with. */
export interface Invocation {
  args?: string[];
  input?: string;
  tsconfig?: string;
}

/** Runs an example on the sources: the TypeScript configuration says what "with-idempotency" stands for. */
export async function run(
  file: string,
  { args = [], input = "", tsconfig }: Invocation = {},
): Promise<Result> {
  const { NO_COLOR: _, ...environment } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", join(ROOT, "examples", file), ...args], {
    cwd: ROOT,
    env: {
      ...environment,
      FORCE_COLOR: "1",
      CI: "1",
      TSX_TSCONFIG_PATH: tsconfig ?? join(ROOT, "tsconfig.json"),
    },
    timeout: TIMEOUT_MS,
  });
  child.stdin.on("error", () => {}); // It may have ended before it read its input.
  child.stdin.end(input);
  const exit = new Promise<number | null>(done => child.once("close", done));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

/**
 * The library, but for a `createIdempotency` that answers with other functions too: those that the source text says.
 * Returns the TypeScript configuration to run an example with.
 */
export async function brokenLibrary(directory: string, name: string, functions: string): Promise<string> {
  const library = join(directory, `${name}.mts`);
  const tsconfig = join(directory, `${name}.json`);
  const base = JSON.parse(await readFile(join(ROOT, "tsconfig.json"), "utf8"));
  const paths = { "with-idempotency": [library], "with-idempotency/*": [join(ROOT, "src/*.ts")] };
  await writeFile(tsconfig, JSON.stringify({ compilerOptions: { ...base.compilerOptions, paths } }));
  const source = JSON.stringify(join(ROOT, "src/index.ts"));
  await writeFile(
    library,
    `import { createIdempotency as real } from ${source};
    export * from ${source};
    export const createIdempotency = options => ({ ...real(options), ${functions} });`,
  );
  return tsconfig;
}
