import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "tsup";
import { obtainBinary } from "../../package/runtimes/obtain.ts";
import { MINIFLARE, NODE_24, type WorkerSettings } from "../../package/runtimes/versions.ts";
import { obtainPackage } from "./packages.ts";

/** The programs that run a Worker here. */
export interface WorkerRuntime {
  node: string;
  miniflare: string;
}

/** Rejects with `Unobtainable` where they are not to be had. */
export async function obtainWorkerRuntime(): Promise<WorkerRuntime> {
  const [node, miniflare] = await Promise.all([obtainBinary(NODE_24), obtainPackage(MINIFLARE)]);
  return { node, miniflare };
}

/** What a Worker is started with: its settings, and miniflare's options, which name its bindings. */
export interface WorkerOptions extends WorkerSettings {
  bindings: object;
}

/** A Worker that runs in workerd, with a folder for what its bindings keep. */
export interface RunningWorker {
  /** Fetches from it. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Ends it, in the midst of whatever it does, and starts it again on what it has kept. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const DRIVER = join(import.meta.dirname, "workerd-driver.ts");
const SOURCES = resolve(import.meta.dirname, "../../../src");

/** Bundles a Worker with the sources of the package. What is of Node.js stays an import, which workerd refuses. */
async function bundle(entry: string, folder: string): Promise<string> {
  await build({
    config: false,
    silent: true,
    clean: false,
    dts: false,
    splitting: false,
    target: "es2022",
    entry: { worker: entry },
    outDir: folder,
    format: ["esm"],
    platform: "neutral",
    noExternal: [/^(?!cloudflare:|node:)/],
    external: [/^cloudflare:/, /^node:/],
    outExtension: () => ({ js: ".mjs" }),
    esbuildOptions(options) {
      options.alias = {
        "with-idempotency/sqlite": join(SOURCES, "sqlite.ts"),
        "with-idempotency/testing": join(SOURCES, "testing.ts"),
        "with-idempotency": join(SOURCES, "index.ts"),
      };
    },
  });
  return join(folder, "worker.mjs");
}

/** Starts a Worker from its source. */
export async function startWorker(
  { node, miniflare }: WorkerRuntime,
  entry: string,
  options: WorkerOptions,
): Promise<RunningWorker> {
  const folder = await mkdtemp(join(tmpdir(), "with-idempotency-workerd-"));
  const script = await bundle(entry, folder);
  let { url, child } = await drive({ node, miniflare, script, folder, options });
  const end = async () => {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, "exit");
  };
  return {
    // By a connection of its own: workerd ends an idle one just when the next request may go out on it.
    ask: (path, init) => fetch(new URL(path, url), { ...init, headers: { connection: "close" } }),
    async restart() {
      await end();
      ({ url, child } = await drive({ node, miniflare, script, folder, options }));
    },
    async stop() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Driven extends WorkerRuntime {
  script: string;
  folder: string;
  options: WorkerOptions;
}

async function drive({ node, miniflare, script, folder, options }: Driven) {
  const child: ChildProcess = spawn(node, [DRIVER, miniflare, script, folder, JSON.stringify(options)], {
    // It ends when its input does, however this process ends.
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (URL.canParse(line)) return { url: line, child };
  }
  throw new Error(`workerd did not start, and ended with ${child.exitCode}`);
}
