import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { obtainChromium } from "../../support/chromium.ts";

const ARGS = [
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  // Nothing but the pages that it is given.
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A headless Chromium, with a profile of its own that is gone afterwards. */
export async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: await obtainChromium(), args: ARGS });
}

/** A page, and what went wrong in it. */
export interface Watched {
  page: Page;
  /** What the console said as an error or a warning, what was thrown, and what was not found. */
  complaints: string[];
  /** Requests that left this machine. */
  strays: string[];
  close(): Promise<void>;
}

/** Opens an empty page in a context of its own. */
export async function open(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const strays: string[] = [];
  page.on("console", message => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", error => complaints.push(String(error)));
  page.on("requestfailed", request => {
    // A page that is left takes its open requests along.
    const text = request.failure()?.errorText;
    if (text !== "net::ERR_ABORTED") complaints.push(`${request.url()}: ${text}`);
  });
  page.on("response", response => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
  page.on("request", request => {
    const { protocol, hostname } = new URL(request.url());
    if (/^https?:$/.test(protocol) && hostname !== "127.0.0.1") strays.push(request.url());
  });
  return { page, complaints, strays, close: () => context.close() };
}
