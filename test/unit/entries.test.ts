import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, it } from "vitest";
import { BUILT, ENTRIES, jsrManifest, packageBin, packageExports } from "../../scripts/entries.ts";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));

it("package.json names each file that lies flat in src, and nothing else: npm run exports", () => {
  expect(manifest.exports).toEqual(packageExports());
  expect(Object.keys(manifest.exports)).toEqual(Object.keys(packageExports()));
  expect(manifest.bin).toEqual(packageBin());
});

it("jsr.json names the same entries, and the same version", () => {
  const jsr = JSON.parse(readFileSync("jsr.json", "utf8"));
  expect(jsr).toEqual(jsrManifest(manifest.version));
  expect(Object.keys(jsr.exports)).toEqual(
    Object.keys(manifest.exports).filter(name => name !== "./package.json"),
  );
});

it("the exports are explicit, and have types for both formats", () => {
  const { ".": root, "./redis": redis } = manifest.exports;
  for (const [entry, name] of [
    [root, "index"],
    [redis, "redis"],
  ]) {
    expect(entry).toEqual({
      import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
      require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
    });
  }
  expect(Object.keys(manifest.exports).filter(specifier => specifier.includes("*"))).toEqual([]);
  expect(manifest.exports["./package.json"]).toBe("./package.json");
});

it("old bundlers find the root by main, module and types", () => {
  const { main, module, types } = manifest;
  expect([main, module, types]).toEqual(["./dist/index.cjs", "./dist/index.js", "./dist/index.d.ts"]);
});

it("the entries are the built files but for the command", () => {
  expect(ENTRIES[0]).toBe("index");
  expect(ENTRIES.toSorted()).toEqual(BUILT.filter(name => name !== "cli"));
});

it("no other file has the name of one that the build takes from the root entry", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" });
  const taken = ["errors.ts", "create-idempotency.ts"];
  expect(
    files
      .map(file => basename(file))
      .filter(name => taken.includes(name))
      .sort(),
  ).toEqual(taken.sort());
});
