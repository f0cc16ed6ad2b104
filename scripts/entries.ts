import { readdirSync } from "node:fs";

// Paths are from the repository's root, where npm runs scripts: tsup puts this into a file of its own elsewhere.

/** The command, which an application runs and does not import. */
const COMMAND = "cli";

/** Every file that lies flat in `src`: what the build makes a file of. The folders hold what they are made of. */
export const BUILT: readonly string[] = readdirSync("src")
  .filter(file => file.endsWith(".ts"))
  .map(file => file.slice(0, -".ts".length))
  .sort();

/** The entries that an application imports, the root first. */
export const ENTRIES: readonly string[] = [
  "index",
  ...BUILT.filter(name => name !== "index" && name !== COMMAND),
];

/** What an application writes to import an entry. */
export const specifierOf = (entry: string): string => (entry === "index" ? "." : `./${entry}`);

const condition = (entry: string, types: string, code: string) => ({
  types: `./dist/${entry}${types}`,
  default: `./dist/${entry}${code}`,
});

/** The `exports` of package.json: one by one, because a wildcard would publish the build's other files. */
export function packageExports(): Record<string, unknown> {
  const each = ENTRIES.map(entry => [
    specifierOf(entry),
    { import: condition(entry, ".d.ts", ".js"), require: condition(entry, ".d.cts", ".cjs") },
  ]);
  return { ...Object.fromEntries(each), "./package.json": "./package.json" };
}

/** The `bin` of package.json; undefined without a command. */
export function packageBin(): Record<string, string> | undefined {
  return BUILT.includes(COMMAND) ? { "with-idempotency": `./dist/${COMMAND}.js` } : undefined;
}

/** `jsr.json`: JSR publishes the sources. */
export function jsrManifest(version: string): Record<string, unknown> {
  return {
    $schema: "https://jsr.io/schema/config-file.v1.json",
    name: "@with-idempotency/with-idempotency",
    version,
    license: "MIT",
    exports: Object.fromEntries(ENTRIES.map(entry => [specifierOf(entry), `./src/${entry}.ts`])),
    publish: { include: ["src/**/*.ts", "package.json", "README.md", "CHANGELOG.md", "LICENSE"] },
  };
}
