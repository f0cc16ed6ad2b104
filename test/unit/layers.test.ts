import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  circlesIn,
  entriesWithCode,
  graphOf,
  modulesOf,
  readSources,
  tooLong,
  upwardImports,
} from "../support/source-graph.ts";

const sources = readSources(resolve(import.meta.dirname, "../../src"));
const graph = graphOf(sources);

/** Those that nobody has opened yet: mend one, and take it off. */
const KNOWN_CIRCLES: string[] = [];

describe("the sources", () => {
  it("are read, all of them", () => {
    expect(sources.size).toBeGreaterThan(80);
    expect(graph.get("index.ts")).toContain("api/with-idempotency.ts");
  });

  it("import only from the layers below their own", () => {
    expect(upwardImports(graph)).toEqual([]);
  });

  it("import nothing in a circle", () => {
    expect(circlesIn(graph)).toEqual(KNOWN_CIRCLES);
  });

  it("have entries that only re-export", () => {
    expect(entriesWithCode(sources)).toEqual([]);
  });

  it("are short", () => {
    expect(tooLong(sources)).toEqual([]);
  });

  it("load nothing but the LRU from the root entry, so that it runs everywhere", () => {
    expect(modulesOf(graph, "index.ts")).toEqual(["lru-cache"]);
  });
});

/** The sources with one file more, or with another text of it. */
const planted = (file: string, text: string) => new Map([...sources, [file, text]]);
const graphWith = (file: string, text: string) => new Map([...graph, ...graphOf(new Map([[file, text]]))]);

describe("the checker", () => {
  it.each([
    ["util/planted.ts", 'import { keyText } from "../contract/key.ts";', "contract/key.ts"],
    ["contract/planted.ts", 'import type { Call } from "../engine/call.ts";', "engine/call.ts"],
    ["contract/planted.ts", 'export type { Call } from "../engine/call.ts";', "engine/call.ts"],
    ["results/planted.ts", 'type Call = import("../engine/call.ts").Call;', "engine/call.ts"],
    ["engine/planted.ts", 'const it = await import("../api/default-store.ts");', "api/default-store.ts"],
    ["stores/sql/planted.ts", 'import "../sqlite/store.ts";', "stores/sqlite/store.ts"],
    ["stores/redis/planted.ts", 'import "../postgres/store.ts";', "stores/postgres/store.ts"],
    ["stores/mysql/planted.ts", 'import "../../engine/call.ts";', "engine/call.ts"],
    ["http/planted.ts", 'import "../observability/diagnostics.ts";', "observability/diagnostics.ts"],
    ["testing/planted.ts", 'import "../index.ts";', "index.ts"],
  ])("sees that %s imports upwards by %s", (file, text, target) => {
    expect(upwardImports(graphWith(file, text))).toEqual([`${file} imports ${target}`]);
  });

  it("sees a folder that has no layer", () => {
    expect(upwardImports(graphWith("misc/planted.ts", ""))).toEqual([
      "misc/planted.ts lies in a folder that has no layer",
    ]);
  });

  it("lets a folder import from below, and from itself", () => {
    const text = 'import "../sql/record.ts"; import "./other.ts"; import "../../util/notify.ts";';
    expect(upwardImports(graphWith("stores/mysql/planted.ts", text))).toEqual([]);
  });

  it("sees a circle", () => {
    const circular = new Map([
      ["util/one.ts", 'import type { Two } from "./two.ts";'],
      ["util/two.ts", 'export * from "./three.ts";'],
      ["util/three.ts", 'import "./one.ts";'],
    ]);
    const circle = "util/one.ts > util/two.ts > util/three.ts > util/one.ts";
    expect(circlesIn(graphOf(circular))).toEqual([circle]);
  });

  it.each([
    "export const value = 1;",
    'import { value } from "./util/notify.ts"; export { value };',
    'export { redisStore } from "./redis.ts";',
    'import "./util/notify.ts";',
  ])("sees an entry with code: %s", text => {
    expect(entriesWithCode(planted("planted.ts", text))).toEqual(["planted.ts"]);
  });

  it("sees a long file, and allows 250 lines", () => {
    const long = { file: "util/planted.ts", lines: 251 };
    expect(tooLong(planted(long.file, "x\n".repeat(251)))).toContainEqual(long);
    expect(tooLong(planted(long.file, "x\n".repeat(250)))).toEqual(tooLong(sources));
  });

  it("sees a module of Node.js behind another file", () => {
    const edited = graphWith("util/notify.ts", 'import { readFileSync } from "node:fs";');
    expect(modulesOf(edited, "index.ts")).toContain("node:fs");
  });
});
