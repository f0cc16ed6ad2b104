import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { source as axe } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../child.ts";
import { launch, open, type Watched } from "./browser.ts";
import { fileFor, serve } from "./serve.ts";

const DIST = join(ROOT, "docs/.vitepress/dist");
const SHOTS = join(ROOT, ".cache/site");
const BASE = "/with-idempotency/";

/** A page of each kind: what is opened, and what its picture is called. */
const KINDS = {
  home: "",
  start: "getting-started",
  guide: "guarantees",
  sequence: "unknown-outcomes",
  table: "clients",
  reference: "troubleshooting",
  host: "hosts/bullmq",
  calculator: "sizing",
  recipes: "http",
  map: "architecture",
  api: "api/",
  "api of a store": "api/redis",
} as const;

/** Every page that was built, as the site's own links name it. */
const pages = readdirSync(DIST, { recursive: true, encoding: "utf8" })
  .filter(path => path.endsWith(".html") && path !== "404.html")
  .map(path => path.replace(/(^|\/)index\.html$/, "$1").replace(/\.html$/, ""));

let site: Awaited<ReturnType<typeof serve>>;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [site, browser] = await Promise.all([serve(DIST, BASE), launch()]);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  site?.close();
});

// axe looks at thousands of elements on the longest pages, and a machine may be busy.
const PATIENCE_MS = 180_000;

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

async function visit(path: string, options = {}): Promise<Watched> {
  const watched = await open(browser, options);
  await watched.page.goto(site.url + path, { waitUntil: "networkidle" });
  return watched;
}

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe finds wrong with a page, by WCAG and by its own best practices. */
async function inaccessible(page: Page, only?: string[]): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async runOnly => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: Violation[] }> };
    };
    // It reads the shortcut's letter, which stands on the search button, as a part of that button's name.
    const rules = { "label-content-name-mismatch": { enabled: false } };
    return (await axe.run(runOnly ? { runOnly } : { rules })).violations;
  }, only);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  );
}

const wideBy = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe("every page that was built", () => {
  it("is there: the guides and the API reference", () => {
    const guides = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
      .filter(path => path.endsWith(".md") && !path.startsWith("."))
      .map(path => path.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, ""));
    expect(pages.toSorted()).toEqual(guides.toSorted());
  });

  it("links only to pages and headings that there are", () => {
    const html = new Map(pages.map(path => [path, readFileSync(fileFor(DIST, path || "index")!, "utf8")]));
    const dead: string[] = [];
    let links = 0;
    for (const [path, text] of html) {
      for (const [, href = ""] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
        const { origin, pathname, hash } = new URL(
          href.replaceAll("&amp;", "&"),
          `http://site${BASE}${path}`,
        );
        if (origin !== "http://site") continue;
        links += 1;
        const file = fileFor(DIST, decodeURIComponent(pathname.slice(BASE.length)) || "index.html");
        const target = file && readFileSync(file, "utf8");
        const anchor = decodeURIComponent(hash.slice(1));
        if (!target || (anchor && !target.includes(`id="${anchor}"`))) dead.push(`${path}: ${href}`);
      }
    }
    expect(links).toBeGreaterThan(500);
    expect(dead).toEqual([]);
  });

  it("has a Markdown twin that llms.txt names, at the site's own address", () => {
    const index = readFileSync(join(DIST, "llms.txt"), "utf8");
    const prefix = "https://with-idempotency.github.io/with-idempotency/";
    const named = Array.from(index.matchAll(/\]\((\S+?\.md)\)/g), ([, address]) => address!);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(address => !address.startsWith(prefix))).toEqual([]);
    expect(named.filter(address => fileFor(DIST, address.slice(prefix.length)) === undefined)).toEqual([]);
    expect(readFileSync(join(DIST, "llms-full.txt"), "utf8")).toContain("OUTCOME_UNKNOWN");
  });
});

describe("a page of each kind", () => {
  it.each(Object.entries(KINDS))(
    "%s is quiet, asks nobody else, is accessible in light and dark, and fits a phone",
    { timeout: PATIENCE_MS },
    async (name, path) => {
      const { page, complaints, strays, close } = await visit(path, {
        colorScheme: "light",
        reducedMotion: "reduce",
      });
      expect(await page.locator("h1").count()).toBe(1);
      await page.screenshot({ path: join(SHOTS, `${name}.png`) });
      expect(await inaccessible(page)).toEqual([]);

      await page.emulateMedia({ colorScheme: "dark" });
      await page.locator("html.dark").waitFor();
      await page.screenshot({ path: join(SHOTS, `${name}.dark.png`) });
      // All else is as it was.
      expect(await inaccessible(page, ["color-contrast"])).toEqual([]);

      await page.setViewportSize(PHONE.viewport);
      expect(await wideBy(page)).toBe(0);
      await page.screenshot({ path: join(SHOTS, `${name}.phone.png`) });
      expect(complaints).toEqual([]);
      expect(strays).toEqual([]);
      await close();
    },
  );

  it("that was at fault would be seen", async () => {
    const { page, complaints, close } = await visit("guarantees");
    await page.evaluate(() => {
      document
        .querySelector("h1")!
        .insertAdjacentHTML("afterend", '<img src="/nowhere.png"><p style="width:3000px">wide</p>');
      console.error("a fault");
    });
    await expect.poll(() => complaints.join()).toMatch(/a fault.*404|404.*a fault/);
    expect(await wideBy(page)).toBeGreaterThan(0);
    expect((await inaccessible(page)).join()).toContain("image-alt");
    await close();
  });
});

describe("on a phone", () => {
  it("every page fits", { timeout: PATIENCE_MS }, async () => {
    const { page, complaints, close } = await visit("", PHONE);
    const wide: string[] = [];
    for (const path of pages) {
      await page.goto(site.url + path);
      if ((await wideBy(page)) > 0) wide.push(path);
    }
    expect(wide).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("the calculator of the page on sizing", () => {
  it("answers what is put into it, and says which field it cannot read", async () => {
    const { page, complaints, close } = await visit("sizing");
    const postgres = page.locator(".sizing tr", { hasText: "PostgreSQL" });
    const cells = () => postgres.locator("td").allTextContents();
    await expect.poll(cells).toEqual(["PostgreSQL", "540 MB", "58", "6", "1"]);
    await page.getByLabel("Keys a day").fill("100000000");
    await expect.poll(cells).toEqual(["PostgreSQL", "54 GB", "5,787", "579", "3"]);
    await page.getByLabel("ttl in hours").fill("48");
    expect(await page.getByRole("alert").textContent()).toContain(
      "ttl in hours: a number from 1 second to 24",
    );
    await page.getByLabel("ttl in hours").fill("1");
    await expect.poll(cells).toEqual(["PostgreSQL", "2 GB", "5,787", "579", "3"]);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("the boxes of a list", () => {
  it("are signs, and no brackets", async () => {
    const { page, close } = await visit("production-checklist");
    const items = await page.locator("main li").allTextContents();
    expect(items.filter(text => text.startsWith("☐ ")).length).toBeGreaterThan(10);
    expect(items.filter(text => text.startsWith("["))).toEqual([]);
    await close();
  });
});

describe("the first page", () => {
  it("weighs less than 300 kB", async () => {
    site.sent.length = 0;
    const { close } = await visit("");
    const bytes = site.sent.reduce((sum, each) => sum + each.bytes, 0);
    expect(site.sent.length).toBeGreaterThan(3);
    expect(bytes, JSON.stringify(site.sent)).toBeLessThan(300_000);
    console.log(`the first page: ${Math.round(bytes / 1_000)} kB in ${site.sent.length} requests`);
    await close();
  });

  it("leads on: its button, the sidebar, the next page", async () => {
    const { page, complaints, close } = await visit("");
    await page.getByRole("link", { name: "Get started" }).click();
    await page.waitForURL("**/getting-started");
    await page.getByRole("complementary").getByRole("link", { name: "Redis", exact: true }).click();
    await page.waitForURL("**/redis");
    // The address changes before the page does.
    await expect.poll(() => page.locator("h1").textContent()).toContain("Redis");
    await page.locator(".pager-link.next").click();
    await page.waitForURL("**/postgres");
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("the site", () => {
  it("finds what a reader looks for, in guides and in the API, by the keyboard alone", async () => {
    const { page, complaints, close } = await visit("");
    const find = async (words: string) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("searchbox").fill(words);
      await page.locator(".VPLocalSearchBox .result").first().waitFor();
    };
    await find("failover replicas");
    await page.screenshot({ path: join(SHOTS, "search.png") });
    await page.keyboard.press("Enter");
    await page.waitForURL("**/chaos#failover-of-redis");
    await find("certainlyNotDone");
    const found = () =>
      page
        .locator(".VPLocalSearchBox a.result")
        .evaluateAll(links => links.map(link => (link as HTMLAnchorElement).pathname));
    await expect.poll(found).toEqual(expect.arrayContaining([`${BASE}api/`, `${BASE}clients`]));
    expect(complaints).toEqual([]);
    await close();
  });

  it("turns dark by its switch, diagrams included", async () => {
    const { page, close } = await visit("guarantees", { colorScheme: "light" });
    const light = page.locator(".diagram .on-light").first();
    const dark = page.locator(".diagram .on-dark").first();
    expect([await light.isVisible(), await dark.isVisible()]).toEqual([true, false]);
    await page.getByRole("switch").first().click();
    expect([await light.isVisible(), await dark.isVisible()]).toEqual([false, true]);
    await close();
  });

  it("opens its menu on a phone", async () => {
    const { page, close } = await visit("redis", PHONE);
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("link", { name: "Guarantees" }).first().tap();
    await page.waitForURL("**/guarantees");
    await close();
  });

  it("answers an address that is none with a page that leads back", async () => {
    const { page, close } = await visit("no-such-page");
    await page.getByRole("link", { name: /home/i }).click();
    await page.waitForURL(site.url);
    await close();
  });
});
