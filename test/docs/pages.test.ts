import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../../src/contract/duration.ts";
import { DEFAULTS, type Options } from "../../src/contract/options.ts";
import { SQL_DEFAULTS } from "../../src/stores/sql/options.ts";
import { VERSIONS } from "../proof/chaos/peers/versions.ts";
import { ROOT } from "./child.ts";

const page = (name: string) => readFileSync(join(ROOT, "docs", `${name}.md`), "utf8");

/** The rows of a table below a heading, its own heading row and rule left out. */
function rowsBelow(text: string, heading: string): string[] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter(line => line.startsWith("|"))
    .slice(2);
}

test("the figures of other packages under faults are those of the chaos run", () => {
  const measured = rowsBelow(page("chaos"), "Other packages under the same faults");
  expect(measured).toHaveLength(4);
  expect(rowsBelow(page("why-not-set-nx"), "The figures")).toEqual(measured);
  expect(rowsBelow(page("comparison"), "Under faults")).toEqual(measured);
});

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
const part = (text: string, name: string) => text.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0];

test.each(["peers-memory", "peers-redis"])(
  "the comparison has the same speeds as the benchmark's page: %s",
  name => {
    expect(part(page("comparison"), name)).toContain("@node-idempotency/core");
    expect(part(page("comparison"), name)).toBe(part(page("performance"), name));
  },
);

test("the comparison names the versions that are compared", () => {
  const bench = JSON.parse(readFileSync(join(ROOT, "bench/package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const { "@lukeed/ms": _, ...measured } = bench.dependencies;
  const text = page("comparison").replaceAll("\n", " ");
  for (const [name, version] of Object.entries({ ...VERSIONS, ...measured })) {
    expect(text, name).toContain(
      `${name.replace("@node-idempotency/storage-adapter-redis", "storage-adapter-redis")} ${version}`,
    );
  }
});

const source = (path: string) => readFileSync(join(ROOT, "src", path), "utf8");
const cells = (row: string) => row.split("|").map(cell => cell.trim().replaceAll("`", ""));

/** What the docstring of an option says its default is. */
function documented(path: string, option: string): string | undefined {
  const docs = source(path).match(new RegExp(`/\\*\\*(?:(?!\\*/)[^])*\\*/\\s+${option}\\?:`))?.[0];
  return docs?.match(/@default (.*)/)?.[1];
}

describe("the defaults on their page are those of the code", () => {
  const text = page("important-defaults");
  const rows = rowsBelow(text, "Of a call").map(cells);
  const shown = new Map(rows.map(([, option = "", value = ""]) => [option, value]));

  test("each option of a call has a row", () => {
    const options = Object.keys({
      store: 0,
      lease: 0,
      onConflict: 0,
      waitTimeout: 0,
      onUncertain: 0,
      onError: 0,
      onResult: 0,
      maxResultBytes: 0,
      onStoreError: 0,
      storeTimeout: 0,
      fingerprint: 0,
      serializer: 0,
      signal: 0,
      onEvent: 0,
      redactKeys: 0,
    } satisfies Record<keyof Options, 0>);
    expect([...shown.keys()]).toEqual(options);
  });

  test.each([
    ["lease", "leaseMs"],
    ["waitTimeout", "waitMs"],
    ["storeTimeout", "storeTimeoutMs"],
  ] as const)("%s", (option, setting) => {
    expect(parseDuration(JSON.parse(shown.get(option)!))).toBe(DEFAULTS[setting]);
  });

  test.each(["onConflict", "onUncertain", "onStoreError", "redactKeys"] as const)("%s", option => {
    expect(JSON.parse(shown.get(option)!)).toBe(DEFAULTS[option]);
  });

  test("maxResultBytes", () => {
    expect(Number(shown.get("maxResultBytes")!.replaceAll(",", ""))).toBe(DEFAULTS.maxResultBytes);
  });

  test.each(["fingerprint", "signal", "onEvent"] as const)("%s", option => {
    expect(shown.get(option)).toBe("none");
    expect(DEFAULTS[option]).toBeUndefined();
  });

  test.each([
    ["maxEntries", "stores/memory/options.ts"],
    ["onFull", "stores/memory/options.ts"],
    ["prefix", "stores/redis/options.ts"],
    ["purgeEvery", "stores/sql/options.ts"],
    ["prepare", "stores/postgres/options.ts"],
  ])("%s of a store", (option, path) => {
    const row = rowsBelow(text, "Of the stores")
      .map(cells)
      .find(([, , name]) => name === option);
    expect(documented(path, option)?.replaceAll("_", ",").replaceAll("`", "")).toBe(row?.[3]);
  });

  test.each(["olderThan", "concurrency"])("%s of reconcile", option => {
    const row = rowsBelow(text, "Of reconcile")
      .map(cells)
      .find(([, name]) => name === option);
    expect(documented("operate/reconcile/options.ts", option)).toBe(row?.[2]);
  });

  test("table and purgeEvery of the SQL stores are what they work with", () => {
    expect(SQL_DEFAULTS).toMatchObject({
      table: '"idempotency_keys"',
      purgeEveryMs: parseDuration("1 minute"),
    });
  });

  test("batchSize", () => {
    const [row] = rowsBelow(text, "Of many at once").map(cells);
    expect(documented("contract/many.ts", "batchSize")).toBe(row?.[2]);
    expect(source("api/execute-many.ts")).toContain(`const BATCH_SIZE = ${row?.[2]};`);
  });
});

describe("the page on the architecture", () => {
  const text = page("architecture");
  const paths = [
    ...new Set(Array.from(text.matchAll(/`((?:src|test|scripts)\/[\w/.-]+)`/g), ([, path = ""]) => path)),
  ];

  test.each(paths)("names what is there: %s", path => {
    expect(existsSync(join(ROOT, path))).toBe(true);
  });

  test("has a row for each folder of tests", () => {
    const folders = readdirSync(join(ROOT, "test"), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => `test/${name}`);
    expect(
      rowsBelow(text, "The tests")
        .map(row => cells(row)[1])
        .sort(),
    ).toEqual(folders.sort());
  });
});

test("the table of sizes is what the calculator on the page prints", () => {
  const text = page("sizing");
  const printed = Array.from(text.matchAll(/^\/\/ → (\|.*)$/gm), ([, row]) => row);
  expect(printed).toHaveLength(12);
  expect(rowsBelow(text, "Results")).toEqual(printed);
});
