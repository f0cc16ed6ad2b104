// Writes what package.json says of the entries, from the files that lie flat in `src`: npm run exports
import { readFileSync, writeFileSync } from "node:fs";
import { packageBin, packageExports } from "./entries.ts";

const { bin: _, ...manifest } = JSON.parse(readFileSync("package.json", "utf8"));
const bin = packageBin();

// Each field stays where it stood; `bin` comes before `exports`.
const fields = Object.entries(manifest).flatMap(([name, value]) => {
  if (name !== "exports") return [[name, value]];
  return [...(bin === undefined ? [] : [["bin", bin]]), ["exports", packageExports()]];
});
writeFileSync("package.json", `${JSON.stringify(Object.fromEntries(fields), null, 2)}\n`);
