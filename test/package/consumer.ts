import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

export interface Ended {
  code: number;
  /** All that it said, on both streams. */
  output: string;
}

const TIMEOUT_MS = 300_000;

// A test runner's settings shall not reach the tools under test.
const OWN = /^(VITEST|VITE_|NODE_OPTIONS|NODE_ENV|NODE_V8|FORCE_COLOR|TEST$|MODE$|DEV$|PROD$)/;

/** Runs a program to its end, whichever that is. */
export function execute(program: string, args: readonly string[], cwd = ROOT): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !OWN.test(name));
  const env = { ...Object.fromEntries(inherited), NO_COLOR: "1", CI: "1" };
  return new Promise(done => {
    execFile(
      program,
      args,
      { cwd, env, timeout: TIMEOUT_MS, maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        done({ code, output: stdout + stderr });
      },
    );
  });
}

/** A command of one of the repository's own tools. */
export function tool(name: string, args: readonly string[], cwd?: string): Promise<Ended> {
  return execute(join(ROOT, "node_modules/.bin", name), args, cwd);
}

/** A folder in which somebody installed the package from its tarball. */
export class Consumer {
  readonly folder: string;
  /** The tarball's files, from the package's root. */
  readonly files: readonly string[];
  readonly tarball: string;

  private constructor(folder: string, tarball: string, files: readonly string[]) {
    this.folder = folder;
    this.tarball = tarball;
    this.files = files;
  }

  /** Packs what was built last. */
  static install(): Promise<Consumer> {
    if (!existsSync(join(ROOT, "dist/index.d.cts"))) throw new Error("Nothing to pack: npm run build first");
    return Consumer.#packFrom(ROOT, "--ignore-scripts");
  }

  /** Packs in a clone of the repository, as its scripts say. */
  static installFrom(clone: string): Promise<Consumer> {
    return Consumer.#packFrom(clone, "--ignore-scripts=false", "--foreground-scripts=false");
  }

  static async #packFrom(root: string, ...scripts: string[]): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), "with-idempotency-"));
    const pack = ["pack", ...scripts, "--json", "--loglevel=error", "--pack-destination", folder];
    const [packed] = JSON.parse(mustSucceed(await execute("npm", pack, root)));
    const tarball = join(folder, packed.filename);
    await writeFile(join(folder, "package.json"), '{ "name": "consumer", "private": true }');
    const install = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    // The one client that an entry imports, as the repository has it.
    const api = `@opentelemetry/api@${devDependencies["@opentelemetry/api"]}`;
    mustSucceed(await execute("npm", [...install, tarball, api], folder));
    const files = packed.files.map((file: { path: string }) => file.path);
    return new Consumer(folder, tarball, files);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  read(name: string): Promise<string> {
    return readFile(join(this.folder, "node_modules/with-idempotency", name), "utf8");
  }

  /** Runs a script with plain Node.js, and gives back the JSON that it printed. */
  async run(name: string, script: string): Promise<unknown> {
    await this.write(name, script);
    return JSON.parse(mustSucceed(await execute(process.execPath, [name], this.folder)));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export function mustSucceed({ code, output }: Ended): string {
  if (code !== 0) throw new Error(output);
  return output;
}
