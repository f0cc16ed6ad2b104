import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { projects } from "./test/support/projects.ts";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const SLOW =
  /^test\/(docs\/examples\/(hosts\/|prisma|custom-store)|field\/(large-results|jest-jsdom)|proof\/(chaos\/(chaos|failover)|simulation\/mutants)|package\/(fresh-clone|published|installed)|operate\/.*processes|stores\/(redis\/cluster|(redis|postgres|sqlite)\/conformance\.clients|postgres\/(gather\.conformance|pglite)|.*processes))/;

/** Workflow runtimes, chaos, and what else takes long on its own: `npm run test:slow` runs these. */
export const isSlow = (file: string) => SLOW.test(file);

/** The whole suite on MariaDB, by each way to use its client, on DynamoDB and on workerd: `npm run test:stores` runs these. */
export const isOfStores = (file: string) =>
  /^test\/stores\/(mysql|dynamodb|cloudflare)\/conformance/.test(file);

/** Every client of docs/clients.md, which have packages of their own: `npm run test:field` installs and runs them. */
export const isField = (file: string) => file === "test/field/every-client.test.ts";

/** The built site in a browser: `npm run test:site` builds it and runs these. */
export const isSite = (file: string) => file.startsWith("test/docs/site/");

const LONG =
  /conformance|connections|processes|simulation|brief|samples|published|clone|demo|campaign|cluster/;

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
    projects: projects(file => !isSlow(file) && !isOfStores(file) && !isField(file) && !isSite(file)),
    // Tests on servers mostly wait: on two cores the default is one file at a time.
    maxWorkers: 3,
    // The AWS SDK says at each start that it will want a later Node.js one day.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    // A guard against what hangs, not a bound on how long a busy machine may take.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // What runs in workerd alone, by its own suite: no coverage comes from there.
      exclude: ["src/stores/sqlite/{cloudflare,d1*,durable-object*,purge-along}.ts"],
      // Into coverage/, and nothing on the terminal: a run ends on how many tests passed.
      reporter: ["html"],
      thresholds: { branches: 97 },
    },
  },
});
