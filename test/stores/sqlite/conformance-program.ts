import { createRequire } from "node:module";
import { storeConformance } from "../../../src/testing/conformance/suite.ts";
import { type Connect, sqliteFolder, sqliteHarness } from "./harness.ts";

// The suite as a program, for a Node.js that is not the test runner's.
const { DatabaseSync } = createRequire(import.meta.url)("node:sqlite") as {
  DatabaseSync: new (file: string) => ReturnType<Connect>;
};

const files = sqliteFolder(file => new DatabaseSync(file));
const { cases, uncovered } = storeConformance(sqliteHarness(files.connect));
const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
const failures = outcomes.flatMap(outcome => (outcome.status === "rejected" ? [`${outcome.reason}`] : []));
console.log(JSON.stringify({ cases: cases.map(({ name }) => name), failures, uncovered }));
files.close();
