// Writes what package.json and jsr.json say of the entries, from the files that lie flat in `src`: npm run exports
import { readFileSync, writeFileSync } from "node:fs";
import { jsrManifest, packageBin, packageExports } from "./entries.ts";

const { bin: _, ...manifest } = JSON.parse(readFileSync("package.json", "utf8"));
const bin = packageBin();

// Each field stays where it stood; `bin` comes before `exports`.
const fields = Object.entries(manifest).flatMap(([name, value]) => {
  if (name !== "exports") return [[name, value]];
  return [...(bin === undefined ? [] : [["bin", bin]]), ["exports", packageExports()]];
});
const write = (file: string, content: unknown) =>
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
write("package.json", Object.fromEntries(fields));
write("jsr.json", jsrManifest(manifest.version));
