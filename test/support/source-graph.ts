import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

/** Each file's text, by its path inside `src`. */
export type Sources = ReadonlyMap<string, string>;

/** What each file imports, types included: paths inside `src`, and the names of modules. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** The order of the layers: a folder imports only from those before its own. Folders of one line ignore each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["util"],
  ["contract"],
  ["results"],
  ["stores/shared"],
  ["stores/sql"],
  ["stores/*"],
  ["engine"],
  ["api"],
  ["testing"],
  ["operate", "observability", "settings", "http"],
  ["entries"],
];

const LONGEST = 250;

export function readSources(folder: string): Sources {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(file =>
    file.endsWith(".ts"),
  );
  return new Map(files.map(file => [file, readFileSync(join(folder, file), "utf8")]));
}

export function graphOf(sources: Sources): Graph {
  const imports = (file: string, text: string) =>
    ts
      .preProcessFile(text, true, true)
      .importedFiles.map(({ fileName: name }) =>
        name.startsWith(".") ? normalize(join(dirname(file), name)) : name,
      );
  return new Map(Array.from(sources, ([file, text]) => [file, imports(file, text)]));
}

function folderOf(file: string): string {
  const [first = "", second = ""] = dirname(file).split("/");
  if (first === ".") return "entries";
  return first === "stores" ? `stores/${second}` : first;
}

function levelOf(folder: string): number {
  const level = LAYERS.findIndex(layer => layer.includes(folder));
  return level < 0 && folder.startsWith("stores/") ? levelOf("stores/*") : level;
}

/** The imports that go up or sideways, and the folders that the order does not know. */
export function upwardImports(graph: Graph): string[] {
  return Array.from(graph).flatMap(([file, imports]) => {
    const folder = folderOf(file);
    if (levelOf(folder) < 0) return [`${file} lies in a folder that has no layer`];
    return imports
      .filter(target => graph.has(target) && folderOf(target) !== folder)
      .filter(target => levelOf(folderOf(target)) >= levelOf(folder))
      .map(target => `${file} imports ${target}`);
  });
}

/** Entries that import each other, or hold more than re-exports. The command (`cli.ts`) is a program. */
export function entriesWithCode(sources: Sources): string[] {
  const entries = Array.from(sources).filter(([file]) => folderOf(file) === "entries" && file !== "cli.ts");
  return entries
    .filter(([file, text]) => !isReExports(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext)))
    .map(([file]) => file);
}

const isReExports = ({ statements }: ts.SourceFile) =>
  statements.every(
    each =>
      ts.isExportDeclaration(each) &&
      each.moduleSpecifier !== undefined &&
      ts.isStringLiteral(each.moduleSpecifier) &&
      /^\.\/.*\//.test(each.moduleSpecifier.text),
  );

/** The circles that the imports make, each as the way round; those of types alone too. */
export function circlesIn(graph: Graph): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    const met = way.indexOf(file);
    if (met >= 0) circles.push([...way.slice(met), file].join(" > "));
    if (met >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

export function tooLong(sources: Sources): { file: string; lines: number }[] {
  return Array.from(sources, ([file, text]) => ({ file, lines: text.trimEnd().split("\n").length })).filter(
    ({ lines }) => lines > LONGEST,
  );
}

/** The modules that a file loads from outside `src`, by itself or by what it imports. */
export function modulesOf(graph: Graph, entry: string): string[] {
  const files = new Set([entry]);
  const modules = new Set<string>();
  // A set goes on to what is added meanwhile.
  for (const file of files) {
    for (const target of graph.get(file) ?? []) (graph.has(target) ? files : modules).add(target);
  }
  return [...modules];
}
