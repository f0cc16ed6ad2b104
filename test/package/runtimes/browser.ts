import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { start } from "./command.ts";
import type { Report } from "./portable/suite.ts";

const ARGS = [
  "--headless",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  // Nothing but the page that it is given.
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-extensions",
  "--disable-sync",
  "--metrics-recording-only",
  "--no-pings",
  // It stays open while somebody might debug it.
  "--remote-debugging-port=0",
];

/** Where the checks run in a browser: in the page itself, and in a worker of it. */
export type Place = "page" | "worker";

const post = (place: Place) => `
  import { report } from "/checks.mjs";
  const answer = await report().catch(error => ({ runtime: "", results: [{ name: "report", error: String(error) }] }));
  await fetch("/report/${place}", { method: "POST", body: JSON.stringify(answer) });`;

const PAGES: Record<string, { type: string; body: string }> = {
  "/": {
    type: "text/html",
    body: `<!doctype html><title>checks</title>
      <script type="module">new Worker("/worker.mjs", { type: "module" });</script>
      <script type="module">${post("page")}</script>`,
  },
  "/worker.mjs": { type: "text/javascript", body: post("worker") },
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Serves the checks; resolves with the reports of all places. */
async function serve(bundle: string) {
  const reports: Partial<Record<Place, Report>> = {};
  const files = {
    ...PAGES,
    "/checks.mjs": { type: "text/javascript", body: await readFile(bundle, "utf8") },
  };
  let finish = (_: Record<Place, Report>) => {};
  const reported = new Promise<Record<Place, Report>>(resolve => {
    finish = resolve;
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (request.method === "POST") {
      reports[path.split("/").at(-1) as Place] = (await json(request)) as Report;
      response.end();
      if (reports.page && reports.worker) finish(reports as Record<Place, Report>);
      return;
    }
    const file = new Map(Object.entries(files)).get(path);
    response.writeHead(file ? 200 : 404, { "content-type": file?.type ?? "text/plain" }).end(file?.body);
  }

  const server = createServer((request, response) => void answer(request, response));
  return { url: await listen(server), reported, close: () => server.close() };
}

/** Opens a page with the checks in a Chromium of its own, which is gone when they have reported. */
export async function inBrowser(chromium: string, bundle: string): Promise<Record<Place, Report>> {
  const profile = await mkdtemp(join(tmpdir(), "with-idempotency-chromium-"));
  const { url, reported, close } = await serve(bundle);
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = start(chromium, [...ARGS, ...sandbox, `--user-data-dir=${profile}`, url], profile);
  try {
    return await Promise.race([reported, browser.ended.then(gone), timeout()]);
  } finally {
    browser.kill();
    await browser.ended.catch(() => {});
    close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function gone({ code, stderr }: { code: number | null; stderr: string }): never {
  throw new Error(`Chromium ended with ${code} before it reported: ${stderr.slice(-500)}`);
}

function timeout(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error("Chromium did not report within 90 s")), 90_000).unref();
  });
}
