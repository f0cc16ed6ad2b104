import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { HOSTS } from "../../../../examples/hosts/hosts.ts";

const ROOT = resolve(import.meta.dirname, "../../../..");
const read = (path: string) => readFile(resolve(ROOT, path), "utf8");

/** The versions of a runtime's packages, from the manifest that names them. */
async function versionsOf(host: string): Promise<string[]> {
  const own = await read(`examples/hosts/${host}/package.json`).catch(() => read("package.json"));
  const { dependencies, devDependencies = {} } = JSON.parse(own) as Record<string, Record<string, string>>;
  return HOSTS.get(host)!.packages.map(name => ({ ...dependencies, ...devDependencies })[name]!);
}

// The samples of the guides need servers: they are files that the tests here run.
test.for([
  ["bullmq", "worker.ts"],
  ["pg-boss", "worker.ts"],
  ["dbos", "worker.ts"],
  ["inngest", "functions.ts"],
  ["temporal", "activities.ts"],
] as const)("the guide to %s shows the files that are tested", async ([host, file]) => {
  const guide = await read(`docs/hosts/${host}.md`);
  const samples = Array.from(guide.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code);
  const files = [`${host}/${file}`, "common/reconcile.ts"].map(path => read(`examples/hosts/${path}`));
  expect(samples).toEqual(await Promise.all(files));
  for (const version of await versionsOf(host)) expect(guide).toContain(version);
});
