import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { refusal } from "../../src/http/problem.ts";
import { ROOT } from "./child.ts";
import { samples } from "./samples.ts";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const page = read("docs/http.md");
const table = page.slice(page.indexOf("## The draft, clause by clause"));
const rows = table.split("\n").filter(line => /^\| \d/.test(line));

describe("the table of the draft's clauses", () => {
  it.each(rows)("%s", row => {
    const [, file = "", name = ""] = /`(test\/[^`]+)`: "([^"]+)" \|$/.exec(row) ?? [];
    const declared = read(file).replace(/\(\s+/g, "(").includes(`("${name}"`);
    expect(declared, `${file} has no test "${name}"`).toBe(true);
  });

  it("has every section of the draft that asks something of a resource or a client", () => {
    const sections = new Set(rows.map(row => /^\| ([\d.]+)/.exec(row)?.[1]));
    expect([...sections]).toEqual(["2.1", "2.2", "2.3", "2.4", "2.5.1", "2.5.2", "2.6", "2.7", "5"]);
  });
});

test("the page has a row for each code of an error", () => {
  const codes = read("src/contract/errors.ts").matchAll(/^ {2}\| "([A-Z_]+)"/gm);
  const told = page.slice(page.indexOf("## What a client is told"), page.indexOf("### Missing key"));
  for (const [, code] of codes) expect(told).toMatch(new RegExp(`^\\|[^|]*\`${code}\``, "m"));
});

test.each(["missing-key", "malformed-key", "request-too-large"] as const)(
  "has a section for each problem's type: %s",
  async reason => {
    const { type } = (await refusal(reason).json()) as { type: string };
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!.toLowerCase().replaceAll(" ", "-"),
    );
    expect(anchors).toContain(type.split("#")[1]);
  },
);

test.each(["node", "express", "fastify", "lambda", "webhooks", "client"])(
  "examples/http/%s.ts, which the tests run, is what the page shows",
  name => {
    const code = read(`examples/http/${name}.ts`);
    expect(samples.some(sample => sample.where.startsWith("docs/http.md") && sample.code === code)).toBe(
      true,
    );
  },
);
