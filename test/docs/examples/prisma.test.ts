import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { installPackages } from "../../../examples/hosts/common/packages.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { node, ROOT } from "../child.ts";

const TIMEOUT_MS = 300_000;
const FOLDER = join(ROOT, "examples/prisma");
const pay = readFileSync(join(FOLDER, "pay.ts"), "utf8");

// What makes the client asks for the engine of migrations, which it does not use, and would fetch it. Any file will do.
const NO_ENGINE = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };

const isThere = await ifObtainable(
  "Prisma",
  installPackages({ worker: new URL("../../../examples/prisma/pay.ts", import.meta.url) }).then(() => true),
);

test.skipIf(!isThere)(
  "Prisma commits a row and its key in one transaction",
  { timeout: TIMEOUT_MS },
  async () => {
    const prisma = join(FOLDER, "node_modules/prisma/build/index.js");
    const generate = [prisma, "generate", "--schema", "schema.prisma"];
    await promisify(execFile)(process.execPath, generate, { cwd: FOLDER, env: NO_ENGINE });

    const env = { TSX_TSCONFIG_PATH: join(ROOT, "tsconfig.json"), DATABASE_URL: inject("postgresUrl") };
    const { code, stdout, stderr } = await node(["--import", "tsx", join(FOLDER, "pay.ts")], { env });
    const printed = Array.from(pay.matchAll(/\/\/ → (.*)$/gm), ([, line]) => line);
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual(printed);
    expect(code).toBe(0);
  },
);

test("the page on ORMs shows that file, and its versions", () => {
  const page = readFileSync(join(ROOT, "docs/orms.md"), "utf8");
  const { dependencies } = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8"));
  expect(page).toContain(`\n${pay}\`\`\`\n`);
  for (const version of Object.values<string>(dependencies)) expect(page).toContain(version);
});
