import { afterAll, expect, it } from "vitest";
import { storeConformance } from "../../../src/testing.ts";
import { itConforms } from "../shared/conforms.ts";
import { type Connect, isLeftOut, sqliteFolder, sqliteHarness } from "./harness.ts";

/** The whole conformance suite, on databases in files that a client opens. */
export function conforms(connect: Connect): void {
  const files = sqliteFolder(connect);
  afterAll(() => files.close());
  const { cases, uncovered } = storeConformance(sqliteHarness(files.connect));

  itConforms(cases, 120_000, 40);

  it("is covered, but for hints and a database that is full", () => {
    expect(uncovered.filter(name => !isLeftOut(name))).toEqual([]);
  });
}
