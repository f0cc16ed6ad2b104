import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { PackageSpec } from "../../support/servers/packages.ts";
import { ROOT } from "./obtain.ts";
import { BINARIES, COMPILERS, MINIFLARE, WORKERS } from "./versions.ts";

const versionOf = (spec: PackageSpec) => spec.slice(spec.lastIndexOf("@") + 1);

it("the page on runtimes names each version that is run on Linux", async () => {
  const page = await readFile(join(ROOT, "docs/runtimes.md"), "utf8");
  const binaries = BINARIES.map(({ packages }) => packages["linux-x64"]! as PackageSpec);
  const versions = [...binaries, ...COMPILERS, MINIFLARE].map(versionOf);
  const dates = WORKERS.map(({ date }) => date);
  for (const version of [...versions, ...dates]) expect(page).toContain(version);
});
