import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { tool } from "../../package/consumer.ts";
import { ROOT } from "../../package/runtimes/obtain.ts";
import { ifObtainable, obtainPackage } from "../../support/servers/packages.ts";

const types = await ifObtainable(
  "the types of Cloudflare's clients",
  obtainPackage("@cloudflare/workers-types@5.20261117.1"),
);

it.skipIf(types === undefined)(
  "Cloudflare's own types fit, in the example and in the tests' Worker",
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "with-idempotency-types-"));
    const config = {
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: {
        lib: ["es2023"],
        types: [types],
        typeRoots: [dirname(types!)],
        // As somebody has it who installed the package.
        paths: {
          "with-idempotency": [join(ROOT, "dist/index.d.ts")],
          "with-idempotency/*": [join(ROOT, "dist/*.d.ts")],
        },
      },
      include: [],
      exclude: [],
      files: [
        "examples/cloudflare-worker/worker.ts",
        "test/docs/examples/cloudflare/worker/forgetful.ts",
        "test/stores/cloudflare/worker/worker.ts",
      ].map(file => join(ROOT, file)),
    };
    try {
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
      expect(await tool("tsc", ["-p", folder])).toEqual({ code: 0, output: "" });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
