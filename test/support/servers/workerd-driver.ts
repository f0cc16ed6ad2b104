// Run by a Node.js that can run miniflare, with: miniflare's folder, the worker's file, a folder for what its bindings
// keep, and its options as JSON. Prints where it answers, and ends when its input does.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

interface Worker {
  ready: Promise<URL>;
  dispose(): Promise<void>;
}

const [folder, script, kept, options] = process.argv.slice(2) as [string, string, string, string];
const { Miniflare } = createRequire(pathToFileURL(`${folder}/`))(folder) as {
  Miniflare: new (options: object) => Worker;
};
const { date, flags, bindings } = JSON.parse(options) as { date: string; flags: string[]; bindings: object };

const worker = new Miniflare({
  modules: [{ type: "ESModule", path: "worker.mjs", contents: readFileSync(script, "utf8") }],
  compatibilityDate: date,
  compatibilityFlags: flags,
  // Nothing that is fetched from elsewhere.
  cf: false,
  d1Persist: join(kept, "d1"),
  durableObjectsPersist: join(kept, "objects"),
  ...bindings,
});
process.stdin.resume().once("end", () => void worker.dispose().finally(() => process.exit()));
console.log((await worker.ready).href);
