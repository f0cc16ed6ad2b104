import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
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
});
