import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Workflow runtimes and chaos, on servers of their own. */
export const SLOW = ["test/docs/examples/hosts/*.test.ts", "test/proof/chaos/{chaos,failover}.test.ts"];

const LONG = /conformance|connections|processes|simulation|brief|samples|published|demo|cluster/;

/** Begins with what takes longest, so that nothing of it is left to run alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => Number(LONG.test(moduleId));
    return (await super.sort(files)).sort((a, b) => isLong(b) - isLong(a));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^with-idempotency$/, replacement: source("./src/index.ts") },
      { find: /^with-idempotency\/([a-z]+)$/, replacement: source("./src/$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // These take minutes: `npm run test:slow` runs them.
    exclude: [...configDefaults.exclude, ...SLOW],
    globalSetup: ["test/support/servers/setup.ts"],
    // Tests on servers mostly wait: on two cores the default is one file at a time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"],
      thresholds: { branches: 97 },
    },
  },
});
