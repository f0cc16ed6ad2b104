import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startNats } from "../../support/servers/nats.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { node, ROOT } from "../child.ts";

const TIMEOUT_MS = 300_000;
const FOLDER = join(ROOT, "examples/custom-store");

const server = await ifObtainable("the template of a store, on NATS", startNats());

test.skipIf(!server)("the template of a store passes the whole suite", { timeout: TIMEOUT_MS }, async () => {
  try {
    const { code, stdout } = await node(
      ["--import", "tsx", "--test", "--test-reporter", "tap", "store.test.ts"],
      {
        cwd: FOLDER,
        env: { NATS_URL: server!.url, TSX_TSCONFIG_PATH: join(ROOT, "tsconfig.json") },
        timeoutMs: TIMEOUT_MS,
      },
    );
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(stdout)?.[1]);
    expect({ failed: stdout.match(/^\s*not ok .*$/gm), code }).toEqual({ failed: null, code: 0 });
    expect({ skipped: count("skipped"), todo: count("todo") }).toEqual({ skipped: 0, todo: 0 });
    expect(count("pass")).toBeGreaterThan(150);
  } finally {
    await server!.stop();
  }
});

test("the template needs the packages that it was tested with", () => {
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const { dependencies, devDependencies } = read(join(FOLDER, "package.json"));
  const own = read(join(ROOT, "package.json")).devDependencies;
  const { "with-idempotency": _, ...others } = { ...dependencies, ...devDependencies };
  for (const [name, version] of Object.entries(others)) expect([name, version]).toEqual([name, own[name]]);
});

test("the template's parts are short enough to read", () => {
  for (const file of ["store.ts", "decide.ts"])
    expect(readFileSync(join(FOLDER, file), "utf8").split("\n").length).toBeLessThan(200);
});
