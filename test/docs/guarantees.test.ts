import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./child.ts";

/** Where the page says that something stands in the repository's tests. */
const named = (page: string) =>
  [...readFileSync(join(ROOT, "docs", page), "utf8").matchAll(/`(test\/[^`\s]+)`/g)].map(([, path]) => path!);

function isThere(path: string): boolean {
  if (!path.includes("*")) return existsSync(join(ROOT, path));
  const [before, after] = path.split("*") as [string, string];
  const folder = dirname(`${before}x`);
  const begins = before.slice(folder.length + 1);
  return readdirSync(join(ROOT, folder)).some(file => file.startsWith(begins) && file.endsWith(after));
}

test.each(["guarantees.md", "simulation.md", "chaos.md"])("the tests that %s names are there", page => {
  const paths = named(page);
  expect(paths.length).toBeGreaterThan(0);
  expect(paths.filter(path => !isThere(path))).toEqual([]);
});

test("each promise names a test that shows it", () => {
  const page = readFileSync(join(ROOT, "docs/guarantees.md"), "utf8");
  const shown = page.slice(page.indexOf("What shows"), page.indexOf("## The states"));
  for (const promise of ["P1", "P2", "P3", "P4", "P5", "S1–S11", "B1–B7"]) {
    expect(shown).toMatch(new RegExp(`^\\| (\\*\\*)?${promise}\\b.*\`test/`, "m"));
  }
});

test("a test that is not there is missed", () => {
  expect(isThere("test/docs/no-such.test.ts")).toBe(false);
  expect(isThere("test/docs/*.no-such.ts")).toBe(false);
});
