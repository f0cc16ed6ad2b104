import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diagramsOf, fileOf, SCHEMES, staleDrawings } from "../../docs/.vitepress/diagrams.ts";
import { faultsOf, sidebarFaults } from "../../docs/.vitepress/pages.ts";
import { ROOT } from "./child.ts";
import { guides, isAlive, linksIn } from "./links.ts";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

describe("the sidebar", () => {
  it("names every page of docs, and none that is not there", () => {
    expect(sidebarFaults(join(ROOT, "docs"))).toEqual([]);
  });

  it("would miss a page, and find a name too many", () => {
    expect(faultsOf(["a", "a", "b"], ["a", "c"])).toEqual([
      "docs/c.md is not in the sidebar",
      "the sidebar names b, which is no page",
      "the sidebar names a twice",
    ]);
  });
});

describe("the diagrams", () => {
  const folder = join(ROOT, "docs/public/diagrams");
  const diagrams = guides.flatMap(path => diagramsOf(read(path)));

  it("are drawn from the sources that stand in the guides: npm run diagrams", () => {
    expect(diagrams.length).toBeGreaterThan(6);
    expect(staleDrawings(diagrams, folder)).toEqual([]);
  });

  it("have a file each, and there is no other", () => {
    const files = diagrams.flatMap(diagram => SCHEMES.map(scheme => fileOf(diagram, scheme)));
    expect(readdirSync(folder).sort()).toEqual(files.sort());
  });

  it("would be missed where they were drawn from another source", () => {
    const [first] = diagrams;
    const changed = { ...first!, source: `${first!.source}    A->>B: more\n` };
    expect(staleDrawings([changed], folder)).toEqual(SCHEMES.map(scheme => fileOf(changed, scheme)));
  });
});

describe("links", () => {
  it.each([...guides, "README.md", "CONTRIBUTING.md", "SECURITY.md"])("of %s lead somewhere", path => {
    expect(linksIn(read(path)).filter(link => !isAlive(path, link))).toEqual([]);
  });

  it("of the guides to anything but guides are whole addresses, for the site has nothing else", () => {
    const others = guides.flatMap(path =>
      linksIn(read(path)).filter(link => !/^(https?:|#|[^:]+\.md(#|$)|\/\w)/.test(link)),
    );
    expect(others).toEqual([]);
    expect(guides.flatMap(path => linksIn(read(path)).filter(link => link.includes("README.md")))).toEqual(
      [],
    );
  });

  it("of the README are whole addresses, for npm shows it without the repository", () => {
    const links = linksIn(read("README.md"));
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter(link => !/^(https:|#)/.test(link))).toEqual([]);
  });

  it("that lead nowhere are found", () => {
    const text = "[a](no-page.md) [b](guarantees.md#no-heading) [c](guarantees.md#the-promises) `[d](e.md)`";
    expect(linksIn(text).filter(link => !isAlive("docs/redis.md", link))).toEqual([
      "no-page.md",
      "guarantees.md#no-heading",
    ]);
    expect(isAlive("README.md", "https://with-idempotency.github.io/with-idempotency/no-page")).toBe(false);
  });
});
