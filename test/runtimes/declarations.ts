import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execute, succeed } from "./command.ts";
import { obtainPackage } from "./obtain.ts";
import type { Result } from "./portable/perform.ts";
import type { Run } from "./report.ts";
import type { PackageSpec } from "./versions.ts";

/** How a consumer's project has its modules resolved: compiler options, and the files that it has then. */
interface Project {
  options: Record<string, unknown>;
  files: readonly string[];
}

const PROJECTS: Readonly<Record<string, Project>> = {
  "nodenext, ES modules and CommonJS": {
    options: { module: "nodenext", moduleResolution: "nodenext" },
    files: ["consumer.mts", "consumer.cts"],
  },
  // Without `"type": "module"` in its package, a `.ts` file is CommonJS.
  "node16, CommonJS by the package": {
    options: { module: "node16", moduleResolution: "node16" },
    files: ["consumer.ts"],
  },
  bundler: { options: { module: "esnext", moduleResolution: "bundler" }, files: ["consumer.ts"] },
};

const PROJECT_NAMES = Object.keys(PROJECTS);

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  skipLibCheck: false,
  noEmit: true,
  target: "es2022",
  lib: ["es2022", "dom"],
  types: [],
};

const CODE = `
import {
  createIdempotency, fingerprint, isIdempotencyError, makeIdempotent, memoryStore, parseDuration, withIdempotency,
} from "with-idempotency";
import type { Duration, Execution, IdempotencyEvent, IdempotencyStore, Key, KeyState, Outcome } from "with-idempotency";
import { faultyStore, gate, manualClock, storeConformance } from "with-idempotency/testing";

export const store: IdempotencyStore = memoryStore({ maxEntries: 10, clock: manualClock().now });
export const outcome: Promise<Outcome<number>> = createIdempotency({ store }).execute("key", "1h30m", () => 1);
export const id: Promise<{ id: string }> = withIdempotency(["order", 42], "5 minutes", async (execution: Execution) => {
  return { id: execution.idempotencyKey };
});
export const send: (to: string, copies: number) => Promise<boolean> = makeIdempotent(
  async (to: string, copies: number) => to !== "" && copies > 0,
  { key: (to, copies) => [to, copies], ttl: { value: 5, unit: "minutes" }, fingerprint: to => ({ to }) },
);
export const state: Promise<KeyState | undefined> = createIdempotency().inspect("key" satisfies Key);
export const code = (error: unknown): string | undefined =>
  isIdempotencyError(error, "KEY_REUSED") ? error.key : undefined;
export const wait = (error: unknown): number =>
  isIdempotencyError(error) && error.code === "IN_PROGRESS" ? error.retryAfterMs : 0;
export const told = (event: IdempotencyEvent): number => (event.type === "completed" ? event.attempt : 0);
export const durations: Duration[] = ["30s", "1 day", "1h30m", { hours: 1, minutes: 30 }];
export const made = [faultyStore(store), gate(), storeConformance, parseDuration("1s"), fingerprint({})];

// @ts-expect-error A duration needs a unit.
void withIdempotency("key", "5", () => 1);
// @ts-expect-error There is no such unit.
void withIdempotency("key", "5x", () => 1);
// @ts-expect-error A bare number is no duration.
void withIdempotency("key", 5000, () => 1);
// @ts-expect-error There is no such option.
createIdempotency({ leas: "1s" });
`;

/** Every entry that the package exports, so that each one's declarations are checked as it arrives. */
async function entriesOf(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, "node_modules/with-idempotency/package.json"), "utf8");
  const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, unknown> };
  const paths = Object.keys(exports).filter(path => !path.endsWith(".json"));
  return paths.map(path => name + path.slice(1));
}

/** Writes the projects of a strict consumer into the folder where the package is installed. */
export async function writeProjects(folder: string): Promise<void> {
  const entries = await entriesOf(folder);
  const imports = entries.map((entry, index) => `import * as entry${index} from "${entry}";\n`).join("");
  const all = `export const entries: object[] = [${entries.map((_, index) => `entry${index}`)}];\n`;
  for (const [index, { options, files }] of Object.values(PROJECTS).entries()) {
    const home = join(folder, `types-${index}`);
    await mkdir(home);
    await writeFile(join(home, "package.json"), '{ "private": true }');
    await writeFile(
      join(home, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...STRICT, ...options }, files }),
    );
    for (const file of files) await writeFile(join(home, file), imports + CODE + all);
  }
}

/** Compiles all projects with one compiler. Rejects with `Unobtainable` where it is not to be had. */
export async function compileWith(compiler: PackageSpec, folder: string): Promise<Run[]> {
  const tsc = join(await obtainPackage(compiler), "bin/tsc");
  const version = await succeed(process.execPath, [tsc, "--version"], { cwd: folder });
  const results: Result[] = [];
  for (const [index, name] of PROJECT_NAMES.entries()) {
    const command = { cwd: join(folder, `types-${index}`) };
    const { code, stdout, stderr } = await execute(process.execPath, [tsc, "-p", "."], command);
    results.push(code === 0 ? { name } : { name, error: `${stdout}${stderr}`.trim() || `exit code ${code}` });
  }
  const runtime = version.trim().replace("Version", "TypeScript");
  return [{ runtime, how: "declarations", results, expected: PROJECT_NAMES }];
}
