// Draws the diagrams of the guides for the site and the README, in a Chromium: npm run diagrams
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";
import {
  type Diagram,
  diagramsOf,
  fileOf,
  SCHEMES,
  type Scheme,
  staleDrawings,
  stampOf,
} from "../docs/.vitepress/diagrams.ts";
import { obtainChromium } from "../test/support/chromium.ts";

const DOCS = "docs";
const DRAWINGS = join(DOCS, "public/diagrams");
const MERMAID = join(
  dirname(createRequire(import.meta.url).resolve("mermaid/package.json")),
  "dist/mermaid.min.js",
);

// One look: the site's own green, on a ground of its own, so that a drawing is readable on any page.
const COLOURS = {
  light: {
    ground: "#ffffff",
    box: "#e6f4f1",
    line: "#3d4a48",
    ink: "#1b2423",
    note: "#f6f1de",
    noteLine: "#a5965a",
  },
  dark: {
    ground: "#1b1b1f",
    box: "#163a35",
    line: "#a9bab7",
    ink: "#e6edeb",
    note: "#37321f",
    noteLine: "#8d8150",
  },
};

function configOf(scheme: Scheme) {
  const { ground, box, line, ink, note, noteLine } = COLOURS[scheme];
  return {
    startOnLoad: false,
    theme: "base",
    htmlLabels: false,
    fontFamily: "Arial, 'Liberation Sans', Helvetica, sans-serif",
    deterministicIds: true,
    // A halo, so that no line runs through a word.
    themeCSS: `.messageText, .loopText, .loopText > tspan, .edgeLabel text, .edgeLabel tspan
      { paint-order: stroke; stroke: ${ground} !important; stroke-width: 5px !important; stroke-linejoin: round; }`,
    sequence: { mirrorActors: false, useMaxWidth: false, actorMargin: 60, width: 140 },
    flowchart: { htmlLabels: false, useMaxWidth: false },
    state: { useMaxWidth: false },
    themeVariables: {
      fontSize: "15px",
      background: ground,
      mainBkg: box,
      primaryColor: box,
      primaryTextColor: ink,
      primaryBorderColor: line,
      secondaryColor: note,
      tertiaryColor: ground,
      lineColor: line,
      textColor: ink,
      noteBkgColor: note,
      noteTextColor: ink,
      noteBorderColor: noteLine,
      actorLineColor: line,
      signalColor: line,
      signalTextColor: ink,
      labelBoxBkgColor: ground,
      labelBoxBorderColor: line,
      labelTextColor: ink,
      loopTextColor: ink,
      edgeLabelBackground: ground,
      labelBackgroundColor: ground,
      transitionLabelColor: ink,
    },
  };
}

const everyPage = () =>
  readdirSync(DOCS, { recursive: true, encoding: "utf8" })
    .filter(path => path.endsWith(".md") && !/^(\.|api\b)/.test(path))
    .map(path => readFileSync(join(DOCS, path), "utf8"));

/** Sets the drawing on a ground of its own, and says what it was drawn from. */
function finished(svg: string, diagram: Diagram, ground: string): string {
  const [opening = ""] = /^<svg[^>]*>/.exec(svg) ?? [];
  const [, x, y, width, height] = /viewBox="(\S+) (\S+) (\S+) (\S+)"/.exec(opening) ?? [];
  const rect = `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${ground}"/>`;
  const sized = opening
    .replace(/ (width|height|style)="[^"]*"/g, "")
    .replace("<svg", `<svg width="${Math.ceil(Number(width))}" height="${Math.ceil(Number(height))}"`);
  return `${svg.replace(opening, `${sized}${stampOf(diagram)}${rect}`)}\n`;
}

const diagrams = everyPage().flatMap(diagramsOf);
const stale = process.argv.includes("--all")
  ? diagrams
  : diagrams.filter(each => staleDrawings([each], DRAWINGS).length > 0);
mkdirSync(DRAWINGS, { recursive: true });

if (stale.length > 0) {
  const browser = await chromium.launch({
    executablePath: await obtainChromium(),
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage();
  await page.addScriptTag({ path: MERMAID });
  for (const diagram of stale) {
    for (const scheme of SCHEMES) {
      const svg = await page.evaluate(
        async ([name, source, config]) => {
          const { mermaid } = globalThis as unknown as { mermaid: typeof import("mermaid").default };
          mermaid.initialize(config);
          return (await mermaid.render(name, source)).svg;
        },
        [`diagram-${diagram.name}`, diagram.source, configOf(scheme) as object] as const,
      );
      writeFileSync(join(DRAWINGS, fileOf(diagram, scheme)), finished(svg, diagram, COLOURS[scheme].ground));
    }
    console.log(`drew ${diagram.name}`);
  }
  await browser.close();
}

const wanted = new Set(diagrams.flatMap(diagram => SCHEMES.map(scheme => fileOf(diagram, scheme))));
for (const file of readdirSync(DRAWINGS).filter(file => !wanted.has(file))) rmSync(join(DRAWINGS, file));
