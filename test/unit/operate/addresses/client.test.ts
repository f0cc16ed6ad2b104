import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadClient } from "../../../../src/operate/addresses/client.ts";
import type { Io } from "../../../../src/operate/command/io.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "with-idempotency-client-"));
  const put = (name: string, code: string, manifest = {}) => {
    const folder = join(cwd, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, main: "index.cjs", ...manifest }));
    writeFileSync(join(folder, "index.cjs"), code);
  };
  put("whole", "module.exports = { version: 1 };");
  put("torn", "throw new Error('built for another Node.js');");
  put("closed", "", { exports: { "./inner": "./index.cjs" } });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const load = (...names: string[]) => loadClient({ cwd } as Io, names);

it("takes the first client that the project has, of Node.js itself too", async () => {
  expect(await load("missing", "node:missing", "whole", "torn")).toEqual({
    name: "whole",
    exports: { version: 1 },
  });
  expect(await load("node:os")).toMatchObject({ name: "node:os" });
});

it("says which to install where there is none", async () => {
  const none = load("missing", "node:missing");
  await expect(none).rejects.toThrow(
    "found none of missing, node:missing. Install one, such as: npm install missing",
  );
  await expect(none).rejects.toMatchObject({ exitCode: 3 });
});

it("says so where one cannot be loaded, instead of looking for another", async () => {
  await expect(load("torn", "whole")).rejects.toThrow(
    "torn is installed but cannot be loaded: built for another Node.js",
  );
  await expect(load("closed", "whole")).rejects.toMatchObject({ code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });
});
