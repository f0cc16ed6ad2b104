import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anchorOf } from "./anchors.ts";

/** A fenced block of mermaid in a page. Its `accTitle` names it, and its `accDescr` says what it shows. */
export interface Diagram {
  /** The name of its file in `docs/public/diagrams`. */
  name: string;
  title: string;
  description: string;
  source: string;
}

const FENCED = /^```mermaid\n(.*?)^```$/gms;
const TITLE = /^\s*accTitle: (.+)$/m;
const DESCRIPTION = /^\s*accDescr: (.+)$/m;

/** Reads the text of one block. */
export function readDiagram(source: string): Diagram {
  const title = TITLE.exec(source)?.[1];
  const description = DESCRIPTION.exec(source)?.[1];
  if (title === undefined || description === undefined)
    throw new Error(`expected a diagram with accTitle and accDescr; got:\n${source}`);
  return { name: anchorOf(title), title, description, source };
}

/** The diagrams of a page's text. */
export const diagramsOf = (page: string): Diagram[] =>
  Array.from(page.matchAll(FENCED), ([, source = ""]) => readDiagram(source));

const digest = (source: string) => createHash("sha256").update(source.trim()).digest("hex");

/** The comment by which a drawing says what it was drawn from. */
export const stampOf = ({ source }: Diagram): string => `<!-- drawn from ${digest(source)} -->`;

/** Each diagram is drawn for a light page and for a dark one. */
export const SCHEMES = ["light", "dark"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** The file of a drawing, in `docs/public/diagrams`. */
export const fileOf = ({ name }: Diagram, scheme: Scheme): string => `${name}.${scheme}.svg`;

/** The files that are missing, or were drawn from an earlier source. */
export function staleDrawings(diagrams: readonly Diagram[], folder: string): string[] {
  return diagrams.flatMap(diagram =>
    SCHEMES.map(scheme => fileOf(diagram, scheme)).filter(file => {
      const path = join(folder, file);
      return !existsSync(path) || !readFileSync(path, "utf8").includes(stampOf(diagram));
    }),
  );
}

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** What the site shows for a diagram: its drawings, of which the page's style hides one. Throws where one is stale. */
export function figureOf(diagram: Diagram, folder: string): string {
  const stale = staleDrawings([diagram], folder);
  if (stale.length > 0)
    throw new Error(`expected ${stale.join(" and ")} drawn from its source: run \`npm run diagrams\``);
  const images = SCHEMES.map(
    scheme =>
      `<img class="on-${scheme}" src="/diagrams/${fileOf(diagram, scheme)}" alt="${escaped(diagram.description)}" loading="lazy">`,
  );
  // A narrow screen scrolls it, by the keyboard too.
  return `<div class="diagram" role="group" tabindex="0" aria-label="Diagram: ${escaped(diagram.title)}">${images.join("")}</div>\n`;
}
