import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type MarkdownOptions } from "vitepress";
import llmstxt from "vitepress-plugin-llms";
import { anchorOf } from "./anchors.ts";
import { figureOf, readDiagram } from "./diagrams.ts";
import { sidebar } from "./pages.ts";

const DOCS = fileURLToPath(new URL("..", import.meta.url));
const DRAWINGS = fileURLToPath(new URL("../public/diagrams", import.meta.url));
const { description, homepage } = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../package.json", import.meta.url)), "utf8"),
) as { description: string; homepage: string };
const { origin, pathname } = new URL(homepage);
const REPOSITORY = "https://github.com/with-idempotency/with-idempotency";

const markdown: MarkdownOptions = {
  // The default themes are too pale for WCAG's contrast.
  theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  anchor: { slugify: anchorOf },
  config(md) {
    // A header that says nothing is none: screen readers announce it.
    md.core.ruler.push("empty-headers", ({ tokens }) => {
      tokens.forEach((token, i) => {
        const [content, end] = [tokens[i + 1], tokens[i + 2]];
        if (token.type === "th_open" && content?.content === "" && end !== undefined)
          token.tag = end.tag = "td";
      });
    });
    // GitHub shows the boxes of a list that is gone through. This leaves a sign of them.
    md.core.ruler.push("boxes", ({ tokens }) => {
      tokens.forEach((token, i) => {
        const [text] = token.children ?? [];
        if (tokens[i - 2]?.type === "list_item_open" && text?.content.startsWith("[ ] "))
          text.content = `☐ ${text.content.slice("[ ] ".length)}`;
      });
    });
    // Vue would take `{{ order.id }}` in a sentence or a heading for an expression of its own.
    for (const name of ["text", "code_inline"] as const) {
      const render = md.renderer.rules[name]!;
      md.renderer.rules[name] = (...args) => render(...args).replaceAll("{{", "&#123;&#123;");
    }
    const fence = md.renderer.rules.fence!;
    md.renderer.rules.fence = (tokens, index, ...rest) => {
      const { info, content } = tokens[index]!;
      if (info.trim() === "mermaid") return figureOf(readDiagram(content), DRAWINGS);
      return fence(tokens, index, ...rest);
    };
  },
};

export default defineConfig({
  lang: "en",
  title: "with-idempotency",
  description,
  base: pathname,
  cleanUrls: true,
  lastUpdated: false,
  ignoreDeadLinks: false,
  markdown,
  sitemap: { hostname: homepage },
  transformPageData({ relativePath, frontmatter }) {
    if (!relativePath.startsWith("api/")) return;
    // Made of the docstrings: there is no such file to edit.
    frontmatter["editLink"] = false;
  },
  head: [
    ["meta", { name: "theme-color", content: "#0d7468" }],
    ["link", { rel: "icon", type: "image/svg+xml", href: `${pathname}favicon.svg` }],
  ],
  // Typed for another version of Vite than VitePress has; it uses nothing in which they differ.
  vite: {
    plugins: [llmstxt({ domain: origin }) as never],
    // The index of the search, which is loaded when somebody searches.
    build: { chunkSizeWarningLimit: 2_000 },
  },
  themeConfig: {
    logo: { src: "/favicon.svg", alt: "" },
    nav: [
      { text: "Guide", link: "/getting-started" },
      { text: "Stores", link: "/choosing-a-store" },
      { text: "Troubleshooting", link: "/troubleshooting" },
      { text: "API", link: "/api/" },
    ],
    sidebar: sidebar(DOCS),
    outline: { level: [2, 3] },
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: REPOSITORY }],
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path`, text: "Edit this page" },
    footer: { message: "MIT licence" },
  },
});
