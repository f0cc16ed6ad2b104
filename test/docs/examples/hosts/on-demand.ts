import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "vitest";
import { installPackages } from "../../../../examples/hosts/common/packages.ts";
import type { Host } from "../../../../examples/hosts/common/run.ts";
import { ifObtainable } from "../../../support/servers/packages.ts";
import { expectOneEmailEach, TIMEOUT_MS } from "./compare.ts";

const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const run = promisify(execFile);

/** Tests a runtime whose packages are installed on demand; skipped, and said so, where they cannot be. */
export async function testOnDemand(host: Host, planned: { duplicates: number }): Promise<void> {
  const isThere = await ifObtainable(
    host.name,
    installPackages(host).then(() => true),
  );
  test.skipIf(!isThere)(
    `${host.name} sends each email once, and many twice without the wrapper`,
    { timeout: TIMEOUT_MS },
    () => expectOneEmailEach(host, planned),
  );
  // Its folder is no part of what is checked everywhere, for its packages may be missing.
  test.skipIf(!isThere)(`${host.name} is type-correct`, { timeout: TIMEOUT_MS }, async () => {
    await run(process.execPath, [TSC, "--noEmit", "--project", fileURLToPath(new URL(".", host.worker))]);
  });
}
