import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { anchorOf } from "../../docs/.vitepress/anchors.ts";
import { ROOT } from "./child.ts";

const REPOSITORY = "https://github.com/with-idempotency/with-idempotency/";
const SITE = "https://with-idempotency.github.io/with-idempotency/";

/** The guides, by their paths from the root. */
export const guides: readonly string[] = readdirSync(join(ROOT, "docs"), {
  recursive: true,
  encoding: "utf8",
})
  .filter(path => path.endsWith(".md") && !/^(\.|api\b)/.test(path))
  .map(path => `docs/${path}`);

/** A page's text without its code. */
const prose = (text: string) =>
  text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, code => code.replace(/[()[\]]/g, ""));

/** The addresses that a page links to. */
export const linksIn = (text: string): string[] =>
  Array.from(
    prose(text).matchAll(/\]\(([^)\s]+)\)|(?:src|href|srcset)="([^"]+)"/g),
    ([, md, html]) => (md ?? html)!,
  );

function anchorsIn(text: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = Array.from(
    text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm),
    ([, heading]) => heading!,
  );
  return new Set(
    headings.map(heading => {
      const anchor = anchorOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", ""));
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
}

const isThere = (path: string) => existsSync(join(ROOT, path));

/** Whether a page of the repository is there, with that heading. */
function leadsTo(path: string, anchor: string): boolean {
  if (!isThere(path)) return false;
  return anchor === "" || anchorsIn(readFileSync(join(ROOT, path), "utf8")).has(anchor);
}

function split(address: string): [path: string, anchor: string] {
  const [path = "", anchor = ""] = address.split("#");
  return [path, anchor];
}

/** Whether a link of a page leads to something in this repository or on its site; others are taken for good. */
export function isAlive(from: string, link: string): boolean {
  if (link.startsWith(SITE)) {
    const [page, anchor] = split(link.slice(SITE.length));
    if (page.startsWith("api/")) return isThere(`src/${page.slice("api/".length) || "index"}.ts`);
    return leadsTo(`docs/${page || "index"}.md`, anchor);
  }
  if (link.startsWith(REPOSITORY)) {
    const [, path = ""] =
      /^(?:blob|tree|raw)\/main\/(.*)$/.exec(split(link.slice(REPOSITORY.length))[0]) ?? [];
    return path === "" || isThere(path);
  }
  const RAW = "https://raw.githubusercontent.com/with-idempotency/with-idempotency/main/";
  if (link.startsWith(RAW)) return isThere(link.slice(RAW.length));
  if (/^[a-z]+:/.test(link)) return true;
  const [path, anchor] = split(link);
  return leadsTo(path === "" ? from : join(dirname(from), path), anchor);
}
