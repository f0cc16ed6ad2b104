import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { source as axe } from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { FAULT_TEXTS, FAULTS, type FaultName } from "../../../docs/.vitepress/theme/playground/scenario.ts";
import { ROOT } from "../child.ts";
import { launch, open, type Watched } from "./browser.ts";
import { serve } from "./serve.ts";

const DIST = join(ROOT, "docs/.vitepress/dist");
const SHOTS = join(ROOT, ".cache/site");
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

// A guard against what hangs: a busy machine plays slowly.
vi.setConfig({ testTimeout: 120_000 });

let site: Awaited<ReturnType<typeof serve>>;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [site, browser] = await Promise.all([serve(DIST, "/with-idempotency/"), launch()]);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  site?.close();
});

const headline = (page: Page) => page.locator(".news");
const count = (page: Page, side: "with" | "without") => page.locator(`.count[data-side="${side}"]`);
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const emails = (page: Page, side: string) =>
  page.getByRole("region", { name: `${side}: the provider’s mailbox` }).getByRole("listitem");

/** Waits until what is shown is what the forms say. */
const settled = (page: Page) => page.locator('.playground[aria-busy="false"]').waitFor();

/** Opens the playground, and waits until its first scenario has come to its end. */
async function visit(hash = "", options: BrowserContextOptions = {}): Promise<Watched> {
  const watched = await open(browser, options);
  await watched.page.goto(`${site.url}playground${hash}`, { waitUntil: "networkidle" });
  await settled(watched.page);
  return watched;
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

async function inaccessible(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: Violation[] }> };
    };
    // An experiment of axe's: the theme's search button shows its keys beside its name.
    const rules = { "label-content-name-mismatch": { enabled: false } };
    return (await axe.run({ rules })).violations;
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  );
}

/** Runs code in the editor, and waits until it has come to an end. */
async function run(page: Page, code: string): Promise<string> {
  await page.getByLabel("Code", { exact: true }).fill(code);
  await button(page, "Run").click();
  await page
    .locator(".state")
    .filter({ hasText: /Done|failed/ })
    .waitFor();
  return (await page.getByRole("log").locator("div").allInnerTexts()).join("\n");
}

const EMAILS: Record<FaultName, [number, number]> = {
  "ack-lost": [1, 2],
  cut: [1, 2],
  killed: [1, 2],
  slow: [1, 2],
  twice: [1, 2],
  envelope: [1, 2],
  batch: [4, 7],
  "store-down": [1, 2],
};

describe("the playground's scenarios", () => {
  it("are chosen by the arrow keys, and each shows its emails on both sides", async () => {
    const { page, complaints, strays, close } = await visit();
    await page.getByRole("radio", { name: FAULT_TEXTS["ack-lost"].label }).focus();
    for (const fault of FAULTS) {
      await expect
        .poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).value))
        .toBe(fault);
      const [withIt, without] = EMAILS[fault];
      await settled(page);
      expect(await page.locator(".story").textContent()).toBe(FAULT_TEXTS[fault].story);
      expect(await headline(page).textContent()).toContain(`${without} without.`);
      expect(await emails(page, "With the wrapper").count()).toBe(withIt);
      expect(await emails(page, "Without it").count()).toBe(without);
      expect(await count(page, "with").textContent()).toContain("as it should be");
      expect(await count(page, "without").textContent()).toContain("sent again");
      await page.keyboard.press("ArrowRight");
    }
    expect(complaints).toEqual([]);
    expect(strays).toEqual([]);
    await close();
  });

  it("are played by the keyboard alone, from the beginning to the end", async () => {
    const { page, complaints, close } = await visit("#fault=twice");
    await button(page, "Play").focus();
    await page.keyboard.press("Enter");
    await button(page, "Pause").waitFor();
    const clock = page.locator(".clock");
    await expect.poll(async () => Number.parseFloat((await clock.textContent()) ?? "")).toBeGreaterThan(0.5);
    await page.locator(".news.headline").waitFor();
    await button(page, "Play").waitFor();
    expect(await emails(page, "Without it").count()).toBe(2);
    expect(complaints).toEqual([]);
    await close();
  });

  it("pause where they are, and go on from there", async () => {
    const { page, close } = await visit("#fault=killed");
    await button(page, "Play").click();
    await expect.poll(() => page.locator(".mark.arrived").count()).toBeGreaterThan(0);
    await button(page, "Pause").click();
    const at = await page.locator(".clock").textContent();
    await button(page, "Play").waitFor();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    expect(await page.locator(".clock").textContent()).toBe(at);
    await button(page, "To the end").click();
    await page.locator(".news.headline").waitFor();
    await close();
  });

  it("go step by step, each of which is announced", async () => {
    const { page, close } = await visit();
    await button(page, "Start over").click();
    const news = page.getByRole("status").filter({ hasText: "Ready" });
    await news.waitFor();
    expect(await emails(page, "With the wrapper").count()).toBe(0);
    const heard = new Set<string>();
    for (let steps = 0; steps < 60 && (await page.locator(".news.headline").count()) === 0; steps++) {
      const before = await headline(page).textContent();
      await button(page, "Step").press("Enter");
      await expect.poll(() => headline(page).textContent()).not.toBe(before);
      heard.add((await headline(page).textContent()) ?? "");
    }
    const all = [...heard].join("\n");
    expect(all).toContain("Worker A (with): Has the key, and runs (attempt 1).");
    expect(all).toContain("Worker B (with): Gets the earlier result, and does not run.");
    expect(await headline(page).textContent()).toBe("1 email with the wrapper, 2 without.");
    await close();
  });

  it("play by steps for who wants no motion", async () => {
    const { page, close } = await visit("#fault=twice", { reducedMotion: "reduce" });
    await button(page, "Play").click();
    await expect.poll(() => page.locator(".clock").textContent()).toBe("0.1 s");
    await button(page, "Pause").click();
    await close();
  });

  it("stand in a table, too", async () => {
    const { page, close } = await visit("#fault=killed");
    await page.getByText("Everything that happened, as a table").press("Enter");
    const rows = page.getByRole("table", { name: "Everything that happened, in order" }).getByRole("row");
    const texts = await rows.allInnerTexts();
    expect(texts[0]).toMatch(/Time\s+Side\s+Who\s+What/);
    expect(texts.join("\n")).toMatch(/1\.9 s\s+with\s+Worker A\s+Is killed\./);
    expect(texts.join("\n")).toMatch(/with\s+Worker B\s+Is refused: OUTCOME_UNKNOWN\./);
    await close();
  });
});

describe("the playground's forms", () => {
  it("change what happens: rerun, and a provider that remembers", async () => {
    const { page, close } = await visit("#fault=killed");
    expect(await page.locator(".why").first().textContent()).toContain("OUTCOME_UNKNOWN");
    await page.getByLabel("onUncertain").selectOption("rerun");
    await expect.poll(() => emails(page, "With the wrapper").count()).toBe(2);
    expect(await count(page, "with").textContent()).toContain("sent again");
    await page.getByLabel("The provider remembers idempotency keys").check();
    await expect.poll(() => emails(page, "With the wrapper").count()).toBe(1);
    await close();
  });

  it("read the key's time as the library does, and say what is wrong with it", async () => {
    const { page, complaints, close } = await visit();
    await page.getByLabel("Unit").selectOption("seconds");
    await page.getByLabel("Time", { exact: true }).fill("1");
    await expect.poll(() => headline(page).textContent()).toBe("2 emails with the wrapper, 2 without.");
    await page.getByLabel("Key", { exact: true }).fill("order:{{order.");
    const alert = page.getByRole("alert");
    await expect.poll(() => alert.textContent()).toContain("settings.key");
    expect(await page.getByLabel("Key", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    expect(await button(page, "Play").isDisabled()).toBe(true);
    await page.getByLabel("Key", { exact: true }).fill("order:{{order.id}}");
    await expect.poll(() => page.locator(".keys code").textContent()).toBe("order:[1041]");
    expect(await alert.count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("a number that is being typed", () => {
  it("stays while the page draws itself anew", async () => {
    const { page, close } = await visit();
    await page.getByRole("radio", { name: "Worker killed" }).check();
    const lease = page.getByLabel("lease");
    await lease.fill("4");
    await page.getByLabel("Unit").evaluate((unit: HTMLSelectElement) => {
      unit.value = "hours";
      unit.dispatchEvent(new Event("change"));
    });
    await page.waitForFunction(() => location.hash.includes("unit=hours"));
    // Two frames: by then what was to be drawn is.
    await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
    expect(await lease.inputValue()).toBe("4");
    await lease.press("Enter");
    await page.waitForFunction(() => location.hash.includes("lease=4"));
    await lease.fill("1000000");
    await lease.blur();
    expect(new URL(page.url()).hash).toContain("lease=4");
    await close();
  });
});

describe("a playground's address", () => {
  it("brings back the whole state", async () => {
    const first = await visit();
    await first.page.getByRole("radio", { name: "Worker killed" }).check();
    await first.page.getByLabel("onUncertain").selectOption("rerun");
    await first.page.getByLabel("lease").fill("4");
    await first.page.getByLabel("lease").press("Enter");
    await first.page.getByLabel("Code", { exact: true }).fill('console.log("shared # & ünïcode");');
    await button(first.page, "Copy link").click();
    await first.page.getByText(/Link copied|in the address bar/).waitFor();
    const { hash } = new URL(first.page.url());
    await first.close();

    const second = await visit(hash);
    expect(await second.page.getByRole("radio", { name: "Worker killed" }).isChecked()).toBe(true);
    expect(await second.page.getByLabel("onUncertain").inputValue()).toBe("rerun");
    expect(await second.page.getByLabel("lease").inputValue()).toBe("4");
    expect(await second.page.getByLabel("Code", { exact: true }).inputValue()).toContain("ünïcode");
    expect(await second.page.getByRole("log").textContent()).toContain("Press Run");
    await second.close();
  });

  it("that is hostile is as good as none, and runs nothing", async () => {
    const { page, complaints, close } = await visit(
      "#fault=<img src=x onerror=alert(1)>&key=<script>alert(1)</script>&lease=1e9&unit=years",
    );
    expect(await page.getByRole("radio", { name: "Acknowledgement lost" }).isChecked()).toBe(true);
    expect(await page.getByLabel("Key", { exact: true }).inputValue()).toBe("<script>alert(1)</script>");
    expect(await page.getByLabel("Unit").inputValue()).toBe("minutes");
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("the playground's editor", () => {
  it("runs code on the library, and shows what it prints", async () => {
    const { page, complaints, close } = await visit();
    const output = await run(
      page,
      `import { withIdempotency, isIdempotencyError } from "with-idempotency";
let sent = 0;
const send = () => ++sent;
await withIdempotency("k", "1m", send);
console.log("value", await withIdempotency("k", "1m", send), { sent });
try { await withIdempotency("", "1m", send); } catch (error) { console.log(isIdempotencyError(error, "INVALID_KEY")); }`,
    );
    expect(output.trim().split("\n")).toEqual(["value 1 { sent: 1 }", "true"]);
    expect(complaints).toEqual([]);
    await close();
  });

  it.each([
    ["an error", 'const a = 1;\n\nthrow new TypeError("no " + a);', 3, "TypeError: no 1"],
    ["a mistake in the syntax", "const a = 1;\nconst b = ;\n", 2, "SyntaxError"],
    ["an import that is none", '\nimport fs from "node:fs";', 2, "Write imports as"],
  ])("shows %s in its place", async (_, code, line, message) => {
    const { page, complaints, close } = await visit();
    await run(page, code);
    const alert = page.getByRole("alert");
    expect(await alert.textContent()).toContain(message);
    await alert.getByRole("button", { name: `Line ${line}`, exact: true }).click();
    const selected = await page.getByLabel("Code", { exact: true }).evaluate(area => {
      const { value, selectionStart, selectionEnd } = area as HTMLTextAreaElement;
      return value.slice(selectionStart, selectionEnd);
    });
    expect(selected).toBe(code.split("\n")[line - 1]);
    expect(complaints).toEqual([]);
    await close();
  });

  it("stops code that never ends, and leaves the page alive", async () => {
    const { page, close } = await visit();
    await page.getByLabel("Code", { exact: true }).fill('console.log("begun");\nfor (;;);');
    await page.getByLabel("Code", { exact: true }).press("Control+Enter");
    await page.getByRole("log").getByText("begun").waitFor();
    await button(page, "Stop").click();
    await page.getByText("Stopped.").waitFor();
    expect(await run(page, "console.log(1 + 1)")).toContain("2");
    await close();
  });

  it("has examples that run", async () => {
    const { page, complaints, close } = await visit();
    const example = page.getByLabel("Example");
    for (const { value, label } of await example
      .locator("option")
      .evaluateAll(options =>
        options.map(option => ({ value: (option as HTMLOptionElement).value, label: option.textContent })),
      )) {
      await example.selectOption(value);
      const output = await run(page, await page.getByLabel("Code", { exact: true }).inputValue());
      expect(output, `${label}`).not.toBe("");
      expect(await page.getByRole("alert").count(), `${label}`).toBe(0);
    }
    expect(complaints).toEqual([]);
    await close();
  });
});

describe("the playground", () => {
  it.each(["light", "dark"] as const)(
    "is accessible in %s, at the end and in the middle",
    async colorScheme => {
      const { page, close } = await visit("#fault=killed", { colorScheme });
      await page.getByText("Everything that happened, as a table").click();
      expect(await inaccessible(page)).toEqual([]);
      await page.screenshot({ path: join(SHOTS, `playground.${colorScheme}.png`), fullPage: true });
      await button(page, "Start over").click();
      for (let step = 0; step < 8; step++) await button(page, "Step").click();
      await page.getByLabel("Key", { exact: true }).fill("");
      await page.getByRole("alert").waitFor();
      await run(page, "const a = ;");
      expect(await inaccessible(page)).toEqual([]);
      await close();
    },
  );

  it("fits a phone, and is accessible there", async () => {
    const { page, close } = await visit("#fault=slow", PHONE);
    const wideBy = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wideBy).toBe(0);
    expect(await page.getByLabel("onConflict").isVisible()).toBe(false);
    await page.getByText("Key and options").tap();
    await page.getByLabel("onConflict").selectOption("reject");
    await expect.poll(() => page.locator(".why").first().textContent()).toContain("IN_PROGRESS");
    expect(await inaccessible(page)).toEqual([]);
    await page.screenshot({ path: join(SHOTS, "playground.phone.png"), fullPage: true });
    await close();
  });

  it("asks for nothing but the site's own files", async () => {
    const { page, strays, complaints, close } = await visit("#fault=batch");
    await run(page, "console.log(1)");
    expect([strays, complaints]).toEqual([[], []]);
    await close();
  });
});
