import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".md": "text/markdown",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
};

/** The file that a static host such as GitHub Pages answers a path with. */
export function fileFor(folder: string, path: string): string | undefined {
  const candidates = [path, `${path}.html`, `${path}/index.html`, `${path}index.html`];
  return candidates
    .map(candidate => join(folder, candidate))
    .find(file => file.startsWith(folder) && existsSync(file) && statSync(file).isFile());
}

/** Serves the built site below its base on loopback, compressed, and counts the bytes that it sends. */
export async function serve(folder: string, base: string) {
  const sent: { path: string; bytes: number }[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const found = path.startsWith(base) ? fileFor(folder, path.slice(base.length)) : undefined;
    const file = found ?? join(folder, "404.html");
    const body = gzipSync(readFileSync(file));
    sent.push({ path, bytes: body.length });
    response.writeHead(found ? 200 : 404, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-encoding": "gzip",
    });
    response.end(body);
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${base}`, sent, close: () => server.close() };
}
