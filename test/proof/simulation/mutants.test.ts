import { expect, it } from "vitest";
import { FINDINGS } from "./found.ts";
import { MUTANTS, without } from "./mutants.ts";
import { find } from "./mutation.ts";

const LIMIT = 8_000;

it.each(MUTANTS)(
  "without this it is found out: $protection",
  async mutant => {
    const found = await find(mutant, mutant.seed, LIMIT);
    expect(found, `${mutant.without}, and the simulation does not notice`).toBeDefined();
  },
  120_000,
);

it("a protection that stands elsewhere by now is said to", () => {
  const transform = without({ ...MUTANTS[0]!, line: "no such line" });
  expect(() => transform(MUTANTS[0]!.file, "source")).toThrow("expected once");
  expect(transform("another.ts", "source")).toBe("source");
});

it("what has been found has a name of its own", () => {
  expect(new Set(FINDINGS.map(({ what }) => what)).size).toBe(FINDINGS.length);
});
