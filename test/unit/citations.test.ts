import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");
const PROMISES = [1, 2, 3, 4, 5].map(n => `P${n}`);
const CLAUSES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(n => `S${n}`);
const BATCHES = [1, 2, 3, 4, 5, 6, 7].map(n => `B${n}`);
/** What a store keeps in its own operations: of the others some hold by the database that it stands on. */
const OF_EACH_STORE = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S11"];

/** Where the contract is kept, and what has to be cited there at least. */
const PLACES: Record<string, { folders: string[]; clauses: string[] }> = {
  "the engine and the stores": {
    folders: ["engine", "stores"],
    clauses: [...PROMISES, ...CLAUSES, ...BATCHES],
  },
  memory: { folders: ["stores/memory"], clauses: OF_EACH_STORE },
  redis: { folders: ["stores/redis"], clauses: OF_EACH_STORE },
  sql: {
    folders: ["stores/sql", "stores/postgres", "stores/mysql", "stores/sqlite"],
    clauses: OF_EACH_STORE,
  },
  dynamodb: { folders: ["stores/dynamodb"], clauses: [...OF_EACH_STORE, "S9", "S10"] },
};

const filesIn = (folder: string): string[] =>
  readdirSync(join(SRC, folder), { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".ts"))
    .map(path => join(folder, path));

// To the end of the line: TypeScript's, and those of Lua and SQL within its texts.
const COMMENT = /(?:\/\/|\/\*\*?|^\s*\*|--) (.*)/gm;

function commentsOf(file: string): string[] {
  return [...readFileSync(join(SRC, file), "utf8").matchAll(COMMENT)].map(([, text = ""]) => text);
}

/** The clauses that a comment begins a sentence with, before a colon: `S4: …`, or `S5, S6: …`. */
function citedIn(comment: string): string[] {
  return [...comment.matchAll(/\b((?:[PSB]\d+, )*[PSB]\d+): /g)].flatMap(([, list = ""]) => list.split(", "));
}

describe("the contract's clauses", () => {
  it.each(Object.entries(PLACES))("are cited where they are kept: %s", (_place, { folders, clauses }) => {
    const cited = new Set(folders.flatMap(filesIn).flatMap(commentsOf).flatMap(citedIn));
    expect(clauses.filter(clause => !cited.has(clause))).toEqual([]);
  });

  it("are named by numbers that there are", () => {
    const named = filesIn(".").flatMap(file =>
      commentsOf(file).flatMap(comment =>
        [...comment.matchAll(/\b[PSB]\d+\b/g)].map(([clause]) => ({ file, clause })),
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ clause }) => ![...PROMISES, ...CLAUSES, ...BATCHES].includes(clause))).toEqual([]);
  });

  it("are found in comments of each language, and nowhere else", () => {
    const read = (text: string) =>
      [...text.matchAll(COMMENT)].flatMap(([, comment = ""]) => citedIn(comment));
    expect(read("// S4: only with rerun\nact(); // P2: held")).toEqual(["S4", "P2"]);
    expect(read("// B6, S2: once more")).toEqual(["B6", "S2"]);
    expect(read("/** S5: its own */\n/**\n * S10: swept\n */")).toEqual(["S5", "S10"]);
    expect(read("-- S5, S6: kept\nselect 1 -- S11: seen")).toEqual(["S5", "S6", "S11"]);
    expect(read('const text = "S1: of claims";\n// see S2, and (S3)')).toEqual([]);
  });
});
