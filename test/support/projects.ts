import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { configDefaults, type TestProjectInlineConfiguration } from "vitest/config";

const ROOT = resolve(import.meta.dirname, "../..");

/** The servers of a run, by what a test file injects to get one. */
const SETUPS = {
  redisUrl: "test/support/servers/redis.setup.ts",
  postgresUrl: "test/support/servers/postgres.setup.ts",
  mysqlUrl: "test/support/servers/mysql.setup.ts",
  dynamodbUrl: "test/support/servers/dynamodb.setup.ts",
} as const;
type Server = keyof typeof SETUPS;
const SERVERS = Object.keys(SETUPS) as Server[];

const IMPORTED = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+\.ts)"/g;

/** The servers that a test file injects, by itself or by what it imports from the tests. */
export function serversOf(file: string): Server[] {
  const files = new Set([resolve(ROOT, file)]);
  const found = new Set<Server>();
  // A set goes on to what is added meanwhile.
  for (const each of files) {
    const text = readFileSync(each, "utf8");
    for (const server of SERVERS) if (text.includes(`inject("${server}")`)) found.add(server);
    for (const [, path] of text.matchAll(IMPORTED)) {
      const imported = join(dirname(each), path!);
      if (imported.startsWith(join(ROOT, "test/")) && existsSync(imported)) files.add(imported);
    }
  }
  return SERVERS.filter(server => found.has(server));
}

/** All test files, by the servers that they need: `plain`, `redis`, `postgres` or `redis+postgres`. */
function groups(): Map<string, string[]> {
  const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".test.ts"))
    .map(path => `test/${path}`);
  const grouped = new Map<string, string[]>([["plain", []]]);
  for (const file of files) {
    const name = serversOf(file).join("+").replaceAll("Url", "") || "plain";
    grouped.set(name, [...(grouped.get(name) ?? []), file]);
  }
  return grouped;
}

/**
 * vitest's projects: the tests by the servers that they need, so that a run starts no others. vitest runs a project's
 * global setup only if one of its files is to run.
 */
export function projects(takes: (file: string) => boolean): TestProjectInlineConfiguration[] {
  const { plain = [], ...served } = Object.fromEntries(groups());
  // A glob, so that `npm run dev` sees new files; what is there and not its own is excluded by name.
  const others = [...Object.values(served).flat(), ...plain.filter(file => !takes(file))];
  const plainTests = {
    name: "plain",
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...others],
  };
  const servedTests = Object.entries(served).map(([name, files]) => ({
    name,
    include: files.filter(takes),
    globalSetup: SERVERS.filter(server => name.includes(server.replace("Url", ""))).map(
      server => SETUPS[server],
    ),
  }));
  return [plainTests, ...servedTests.filter(({ include }) => include.length > 0)].map(test => ({
    extends: true,
    test,
  }));
}
