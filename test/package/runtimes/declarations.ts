import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { obtainPackage, type PackageSpec } from "../../support/servers/packages.ts";
import { execute, succeed } from "./command.ts";
import { ROOT } from "./obtain.ts";
import type { Result } from "./portable/perform.ts";
import type { Run } from "./report.ts";

/** How a consumer's project has its modules resolved: compiler options, and the files that it has then. */
interface Project {
  options: Record<string, unknown>;
  files: readonly string[];
  /** Whether it is no project for a compiler of that major version. */
  isGone?(major: number): boolean;
  /** What resolution by `exports` is not there for sees the root entry only. */
  rootOnly?: boolean;
}

const TYPES = join(ROOT, "node_modules/@types");

const PROJECTS: Readonly<Record<string, Project>> = {
  "nodenext, ES modules and CommonJS": {
    options: { module: "nodenext", moduleResolution: "nodenext" },
    files: ["consumer.mts", "consumer.cts"],
  },
  bundler: { options: { module: "esnext", moduleResolution: "bundler" }, files: ["consumer.ts"] },
  // Without `"type": "module"` in its package, a `.ts` file is CommonJS.
  "node16, CommonJS by the package, with Node's types and not the DOM's": {
    options: {
      module: "node16",
      moduleResolution: "node16",
      lib: ["es2022"],
      types: ["node"],
      typeRoots: [TYPES],
    },
    files: ["consumer.ts"],
  },
  // Deprecated in TypeScript 6, and gone in 7.
  "commonjs, by the resolution of before `exports`": {
    options: { module: "commonjs", moduleResolution: "node" },
    files: ["consumer.ts"],
    isGone: major => major >= 6,
    rootOnly: true,
  },
};

const PROJECT_NAMES = Object.keys(PROJECTS);

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  skipLibCheck: false,
  // TypeScript's own libraries are TypeScript's to check.
  skipDefaultLibCheck: true,
  noEmit: true,
  target: "es2022",
  lib: ["es2022", "dom"],
  types: [],
};

const ROOT_CODE = `
import {
  createIdempotency, fingerprint, isIdempotencyError, makeIdempotent, memoryStore, parseDuration, withIdempotency,
} from "with-idempotency";
import type { Duration, Execution, IdempotencyEvent, IdempotencyStore, ItemOutcome, Key, KeyState, Outcome } from "with-idempotency";

export const store: IdempotencyStore = memoryStore({ maxEntries: 10 });
export const outcome: Promise<Outcome<number>> = createIdempotency({ store }).execute("key", "1h30m", () => 1);
export const id: Promise<{ id: string }> = withIdempotency(["order", 42], "5 minutes", async (execution: Execution) => {
  return { id: execution.idempotencyKey };
});
export const send: (to: string, copies: number) => Promise<boolean> = makeIdempotent(
  async (to: string, copies: number) => to !== "" && copies > 0,
  { key: (to, copies) => [to, copies], ttl: { value: 5, unit: "minutes" }, fingerprint: to => ({ to }) },
);
export const sent: Promise<ItemOutcome<string>[]> = createIdempotency().executeMany(
  [1, 2],
  { key: n => ["user", n], ttl: "1h", fingerprint: n => n, batchSize: 100, onConflict: "reject" },
  (users, execution) => users.map((n, at) => (n > 1 ? new Error("no") : String(execution.idempotencyKeys[at]))),
);
export const state: Promise<KeyState | undefined> = createIdempotency().inspect("key" satisfies Key);
export const code = (error: unknown): string | undefined =>
  isIdempotencyError(error, "KEY_REUSED") ? error.key : undefined;
export const wait = (error: unknown): number =>
  isIdempotencyError(error) && error.code === "IN_PROGRESS" ? error.retryAfterMs : 0;
export const told = (event: IdempotencyEvent): number => (event.type === "completed" ? event.attempt : 0);
export const durations: Duration[] = ["30s", "1 day", "1h30m", { hours: 1, minutes: 30 }];
export const made = [parseDuration("1s"), fingerprint({})];

// @ts-expect-error A duration needs a unit.
void withIdempotency("key", "5", () => 1);
// @ts-expect-error There is no such unit.
void withIdempotency("key", "5x", () => 1);
// @ts-expect-error A bare number is no duration.
void withIdempotency("key", 5000, () => 1);
// @ts-expect-error There is no such option.
createIdempotency({ leas: "1s" });
`;

const TESTING_CODE = `
import { faultyStore, gate, manualClock, storeConformance } from "with-idempotency/testing";

const faulty: IdempotencyStore = faultyStore(memoryStore({ clock: manualClock().now }));
export const tested = [faulty, gate(), storeConformance({ create: () => faulty, advance: () => {} }).uncovered];
`;

/** Every entry that the package exports, so that each one's declarations are checked as it arrives. */
async function entriesOf(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, "node_modules/with-idempotency/package.json"), "utf8");
  const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, unknown> };
  const paths = Object.keys(exports).filter(path => !path.endsWith(".json"));
  return paths.map(path => name + path.slice(1));
}

/** What a consumer of those entries writes. */
function codeFor(entries: readonly string[]): string {
  const imports = entries.map((entry, index) => `import * as entry${index} from "${entry}";\n`).join("");
  const all = `export const entries: object[] = [${entries.map((_, index) => `entry${index}`)}];\n`;
  return imports + ROOT_CODE + (entries.length > 1 ? TESTING_CODE : "") + all;
}

/** Writes the projects of a strict consumer into the folder where the package is installed. */
export async function writeProjects(folder: string): Promise<void> {
  const entries = await entriesOf(folder);
  for (const [index, { options, files, rootOnly }] of Object.values(PROJECTS).entries()) {
    const home = join(folder, `types-${index}`);
    const config = { compilerOptions: { ...STRICT, ...options }, files };
    await mkdir(home);
    await writeFile(join(home, "package.json"), '{ "private": true }');
    await writeFile(join(home, "tsconfig.json"), JSON.stringify(config));
    const code = codeFor(rootOnly ? entries.slice(0, 1) : entries);
    for (const file of files) await writeFile(join(home, file), code);
  }
}

/** Compiles all projects with one compiler. Rejects with `Unobtainable` where it is not to be had. */
export async function compileWith(compiler: PackageSpec, folder: string): Promise<Run[]> {
  const tsc = join(await obtainPackage(compiler), "bin/tsc");
  const version = await succeed(process.execPath, [tsc, "--version"], { cwd: folder });
  const runtime = version.trim().replace("Version", "TypeScript");
  const major = Number(/\d+/.exec(version)?.[0]);
  const expected = PROJECT_NAMES.filter(name => !PROJECTS[name]!.isGone?.(major));
  const results: Result[] = [];
  for (const name of expected) {
    const command = { cwd: join(folder, `types-${PROJECT_NAMES.indexOf(name)}`) };
    const { code, stdout, stderr } = await execute(process.execPath, [tsc, "-p", "."], command);
    results.push(code === 0 ? { name } : { name, error: `${stdout}${stderr}`.trim() || `exit code ${code}` });
  }
  return [{ runtime, how: "declarations", results, expected }];
}
