import { describe, expect, it } from "vitest";
import { Unobtainable } from "../../support/servers/packages.ts";
import { lineOf, linesOf, type Run, table } from "./report.ts";

const run = (results: Run["results"]) => async () => [
  { runtime: "Node.js 1.2.3", how: "import", results, expected: ["a", "b"] },
];

const failuresOf = async (results: Run["results"]) => {
  const [line] = await linesOf("Node.js 1", run(results));
  return line!.failures.map(({ name, error }) => `${name} ${error}`);
};

describe("a runtime", () => {
  it("passes where each check is reported on once, and none failed", async () => {
    const [line] = await linesOf("Node.js 1", run([{ name: "a" }, { name: "b" }]));
    expect(line).toEqual({ runtime: "Node.js 1.2.3", how: "import", passed: 2, failures: [] });
    expect(lineOf(line!)).toBe("ok      Node.js 1.2.3, import: 2 passed, 0 failed");
  });

  it("fails where a check failed, is missing, or was run too often or unasked", async () => {
    expect(await failuresOf([{ name: "a", error: "no" }, { name: "b" }])).toEqual(["a no"]);
    expect(await failuresOf([{ name: "a" }])).toEqual(["b was not run"]);
    expect(await failuresOf([])).toEqual(["a was not run", "b was not run"]);
    const often = [{ name: "a" }, { name: "a" }, { name: "b" }];
    expect(await failuresOf(often)).toEqual(["a was run too often, or unasked"]);
    const unasked = [{ name: "a" }, { name: "b" }, { name: "c" }];
    expect(await failuresOf(unasked)).toEqual(["c was run too often, or unasked"]);
  });

  it("fails where it does not report at all", async () => {
    const [line] = await linesOf("Bun", () => Promise.reject(new Error("ended with 1")));
    expect(line).toMatchObject({ passed: 0, failures: [{ name: "reports", error: "Error: ended with 1" }] });
  });

  it("that is not to be had is skipped, loudly", async () => {
    const lines = await linesOf("Bun", () => Promise.reject(new Unobtainable("no package")));
    expect(lines).toMatchObject([{ failures: [], missing: "no package" }]);
    expect(table(lines, 1)).toContain("!!! Bun WAS NOT TESTED: no package");
    expect(table(lines, 1)).toMatch(/0 passed, 0 failed, 1 runtimes skipped, in 1 s$/);
  });
});
