import { cp, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENTRIES, specifierOf } from "../../scripts/entries.ts";
import { Consumer, execute, mustSucceed } from "./consumer.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** What git lists, of which there may be nothing. */
async function listed(...args: string[]): Promise<string[]> {
  const output = mustSucceed(await execute("git", ["ls-files", "-z", ...args]));
  return output.split("\0").filter(Boolean);
}

/** A clone as somebody else gets it, with what is not committed yet, and with the modules that `npm ci` installs. */
async function cloneInto(folder: string): Promise<void> {
  mustSucceed(await execute("git", ["clone", "--quiet", "--depth", "1", `file://${ROOT}`, folder]));
  const deleted = await listed("--deleted");
  for (const file of await listed("--modified", "--others", "--exclude-standard")) {
    if (!deleted.includes(file)) await cp(join(ROOT, file), join(folder, file));
  }
  for (const file of deleted) await rm(join(folder, file), { force: true });
  await symlink(await realpath(join(ROOT, "node_modules")), join(folder, "node_modules"));
}

let clone: string;
let consumer: Consumer;

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "with-idempotency-clone-"));
  await cloneInto(clone);
  consumer = await Consumer.installFrom(clone);
}, 300_000);

afterAll(async () => {
  await consumer?.remove();
  await rm(clone, { recursive: true, force: true });
});

it("npm pack in a fresh clone makes a whole package", () => {
  const built = ENTRIES.flatMap(name => [".js", ".cjs", ".d.ts", ".d.cts"].map(end => `dist/${name}${end}`));
  expect(consumer.files).toEqual(expect.arrayContaining(built));
});

it("which installs, and loads in both formats", async () => {
  const names = ENTRIES.map(entry => specifierOf(entry).replace(".", "with-idempotency"));
  const script = `
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    const loaded = [];
    for (const name of ${JSON.stringify(names)}) {
      const [imported, required] = [await import(name), require(name)].map(entry => Object.keys(entry).sort());
      if (imported.length > 0 && String(imported) === String(required)) loaded.push(name);
    }
    console.log(JSON.stringify(loaded));`;
  expect(await consumer.run("entries.mjs", script)).toEqual(names);
});
