// Run by a Node.js that can run miniflare, with: miniflare's folder, the worker's file, a compatibility
// date, and flags.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { httpChecks } from "./portable/http.ts";
import { performAll } from "./portable/perform.ts";
import type { Report } from "./portable/suite.ts";
import { requestChecks } from "./requests.ts";

interface Worker {
  /** Where it answers to real requests. */
  ready: Promise<URL>;
  dispatchFetch(url: string): Promise<{ json(): Promise<unknown> }>;
  dispose(): Promise<void>;
}

interface Miniflare {
  Miniflare: new (options: object) => Worker;
}

const [folder, script, compatibilityDate, ...compatibilityFlags] = process.argv.slice(2) as [
  string,
  string,
  string,
];
const { Miniflare } = createRequire(pathToFileURL(`${folder}/`))(folder) as Miniflare;

const worker = new Miniflare({
  modules: [{ type: "ESModule", path: "worker.mjs", contents: readFileSync(script, "utf8") }],
  compatibilityDate,
  compatibilityFlags,
  // Nothing that is fetched from elsewhere.
  cf: false,
});
const get = async (path: string) => (await worker.dispatchFetch(`http://worker.example${path}`)).json();

try {
  const { runtime, results } = (await get("/report")) as Report;
  const url = await worker.ready;
  const ask = (path: string, init: RequestInit) => fetch(new URL(path, url), init);
  results.push(...(await performAll([...requestChecks(get), ...httpChecks(ask)], [])));
  console.log(JSON.stringify({ runtime, results }));
} finally {
  await worker.dispose();
}
