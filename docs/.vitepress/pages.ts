import { readdirSync } from "node:fs";
import { ENTRIES } from "../../scripts/entries.ts";

/** A page of the site: its file below `docs/`, without `.md`, and what the sidebar calls it. */
type Page = readonly [file: string, text: string];

/** Every page but the first, in the sidebar's order. The build fails when a file is not here, and when there is none. */
const SECTIONS: Readonly<Record<string, readonly Page[]>> = {
  Learn: [
    ["getting-started", "Getting started"],
    ["why-not-set-nx", "Why not SET NX"],
    ["playground", "Playground"],
    ["guarantees", "Guarantees"],
    ["keys-and-ttl", "Keys and ttl"],
    ["unknown-outcomes", "When the outcome is unknown"],
    ["important-defaults", "Important defaults"],
    ["campaigns", "Campaigns and batches"],
    ["clients", "What your client throws"],
    ["comparison", "Comparison"],
    ["faq", "Questions"],
  ],
  Use: [
    ["providers", "Providers"],
    ["http", "HTTP and webhooks"],
    ["settings", "Settings from a form"],
    ["agents", "Agents and tools"],
    ["orms", "ORMs and transactions"],
    ["outbox-and-inbox", "Outbox and inbox"],
    ["encrypting-results", "Encrypting results"],
    ["for-runtime-authors", "For runtime authors"],
    ["migrating", "Migrating"],
  ],
  Stores: [
    ["choosing-a-store", "Choosing a store"],
    ["redis", "Redis"],
    ["postgres", "PostgreSQL"],
    ["mysql", "MySQL and MariaDB"],
    ["sqlite", "SQLite"],
    ["dynamodb", "DynamoDB"],
    ["cloudflare", "Cloudflare"],
    ["writing-a-store", "Writing a store"],
    ["sizing", "Sizing"],
    ["several-regions", "Several regions"],
  ],
  Operate: [
    ["production-checklist", "Production checklist"],
    ["operations", "Operations"],
    ["observability", "Observability"],
    ["troubleshooting", "Troubleshooting"],
    ["testing-your-application", "Testing your application"],
    ["runtimes", "Runtimes"],
  ],
  "Workflow runtimes": [
    ["hosts/bullmq", "BullMQ"],
    ["hosts/pg-boss", "pg-boss"],
    ["hosts/dbos", "DBOS"],
    ["hosts/inngest", "Inngest"],
    ["hosts/temporal", "Temporal"],
  ],
  "How it is proved": [
    ["simulation", "Simulation"],
    ["chaos", "Chaos"],
    ["performance", "Performance"],
    ["architecture", "Architecture"],
  ],
};

/** What is written for each build: the API reference. */
const GENERATED = "api";

const listed = Object.values(SECTIONS)
  .flat()
  .map(([file]) => file);

/** The pages that there are, but for the first and the generated ones. */
function filesIn(docs: string): string[] {
  return readdirSync(docs, { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".md") && !/^(\.|api\/)|(^|\/)node_modules\//.test(path))
    .map(path => path.replaceAll("\\", "/").slice(0, -".md".length))
    .filter(path => path !== "index");
}

/** What is wrong with the list: pages that it does not name, names without a page, and names that stand twice. */
export function faultsOf(names: readonly string[], files: readonly string[]): string[] {
  return [
    ...files.filter(file => !names.includes(file)).map(file => `docs/${file}.md is not in the sidebar`),
    ...names.filter(name => !files.includes(name)).map(name => `the sidebar names ${name}, which is no page`),
    ...names.filter((name, i) => names.indexOf(name) !== i).map(name => `the sidebar names ${name} twice`),
  ];
}

/** The faults of the list below a folder of pages. */
export const sidebarFaults = (docs: string): string[] => faultsOf(listed, filesIn(docs));

/** The sidebar of all pages. Throws where the list and the files differ. */
export function sidebar(docs: string) {
  const faults = sidebarFaults(docs);
  if (faults.length > 0)
    throw new Error(`docs/.vitepress/pages.ts does not fit docs/:\n  ${faults.join("\n  ")}`);
  const guides = Object.entries(SECTIONS).map(([text, pages]) => ({
    text,
    items: pages.map(([file, title]) => ({ text: title, link: `/${file}` })),
  }));
  // typedoc writes a page for each entry of the package.
  const reference = ENTRIES.map(entry =>
    entry === "index"
      ? { text: "with-idempotency", link: `/${GENERATED}/` }
      : { text: entry, link: `/${GENERATED}/${entry}` },
  );
  return [...guides, { text: "API reference", items: reference }];
}
