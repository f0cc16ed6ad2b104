import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./child.ts";

/** A code block of a document, or of a docstring. */
export interface Sample {
  /** Where it stands, such as `README.md:12`. */
  where: string;
  /** A file name for it, unique among all. */
  file: string;
  code: string;
  /** What it prints, line by line: its `// → …` comments. */
  prints: string[];
  /** Whether a test runner has to run it. */
  isTest: boolean;
  /** Whether it talks to a Redis. */
  needsRedis: boolean;
}

const DOCUMENTS = ["README.md", ...guidesIn("docs")];

function guidesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), "utf8");
  return names.filter(name => name.endsWith(".md")).map(name => `${folder}/${name}`);
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms;
const EXAMPLE = /^ *\* @example\n *\* ```(\w*)\n(.*?)^ *\* ```$/gms;
const STAR = /^ *\* ?/gm;
const PRINTED = /\/\/ → (.*)$/gm;
const RUNNER = /"(vitest|node:test)"|\bjest\./;

function extension(language: string, code: string): string | undefined {
  if (language === "ts") return "ts";
  if (language === "js") return /\brequire\(/.test(code) ? "cjs" : "mjs";
  return undefined;
}

function samplesOf(document: string, blocks = FENCED, margin: RegExp | string = ""): Sample[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return Array.from(text.matchAll(blocks)).flatMap(({ 1: language = "", 2: block = "", index }) => {
    const code = block.replace(margin, "");
    const ending = extension(language, code);
    if (ending === undefined) return [];
    const line = text.slice(0, index).split("\n").length;
    const file = `${document.replace(/\W/g, "-")}-${line}.${ending}`;
    const prints = Array.from(code.matchAll(PRINTED), ([, printed = ""]) => printed);
    return {
      where: `${document}:${line}`,
      file,
      code,
      prints,
      isTest: RUNNER.test(code),
      needsRedis: code.includes("REDIS_URL"),
    };
  });
}

const SOURCES = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter(name => name.endsWith(".ts"))
  .map(name => `src/${name.replaceAll("\\", "/")}`);

/** Every sample of the README, the guides and the docstrings. */
export const samples: readonly Sample[] = [
  ...DOCUMENTS.flatMap(document => samplesOf(document)),
  ...SOURCES.flatMap(source => samplesOf(source, EXAMPLE, STAR)),
];

const PROVIDERS = pathToFileURL(join(ROOT, "test/support/providers/preload.ts")).href;

/** What Node.js loads before a sample: for those that ask providers, a `fetch` that reaches fakes of ours. */
export function preloadOf(where: string): string[] {
  return where.startsWith("docs/providers.md:") ? ["--import", PROVIDERS] : [];
}
