import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toNode } from "../../../examples/http/node.ts";

type Handler = (request: Request) => Promise<Response>;

interface Others {
  Bun?: { serve(options: object): { port: number; stop(now: boolean): unknown } };
  Deno?: { serve(options: object, handler: Handler): { addr: { port: number }; shutdown(): unknown } };
}

/** The handler on the runtime's own server: its address, and how to end it. */
export async function serve(handler: Handler): Promise<{ url: string; close(): unknown }> {
  const { Bun, Deno } = globalThis as Others;
  const at = { port: 0, hostname: "127.0.0.1" };
  const url = (port: number) => `http://${at.hostname}:${port}`;
  if (Bun !== undefined) {
    const server = Bun.serve({ ...at, fetch: handler });
    return { url: url(server.port), close: () => server.stop(true) };
  }
  if (Deno !== undefined) {
    const server = Deno.serve({ ...at, onListen() {} }, handler);
    return { url: url(server.addr.port), close: () => server.shutdown() };
  }
  const server = createServer(toNode(handler));
  await new Promise<void>(done => server.listen(at.port, at.hostname, done));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: url((server.address() as AddressInfo).port), close };
}
