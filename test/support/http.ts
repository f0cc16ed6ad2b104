import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { toNode } from "../../examples/http/node.ts";
import { type IdempotentHandlerOptions, idempotentHandler } from "../../src/http.ts";
import { createIdempotency, type Execution, memoryStore, type Options } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";

export const URL_OF = "https://api.example/orders";

/** A request with a key. */
export function post(
  key: string | undefined,
  body: BodyInit | null = "{}",
  { url = URL_OF, ...init }: RequestInit & { url?: string } = {},
): Request {
  const headers = new Headers(init.headers);
  if (key !== undefined) headers.set("Idempotency-Key", key);
  return new Request(url, { method: "POST", ...init, body, headers, duplex: "half" } as RequestInit);
}

type Answer = (request: Request, execution: Execution | undefined) => Response | Promise<Response>;

/** A handler whose runs are counted, on a store whose calls can be seen and go wrong. */
export function scene(
  answer: Answer,
  options: Partial<IdempotentHandlerOptions> = {},
  {
    store = faultyStore(memoryStore()),
    ...settings
  }: Options & { store?: ReturnType<typeof faultyStore> } = {},
) {
  const runs: (Execution | undefined)[] = [];
  const idempotency = createIdempotency({ store, ...settings });
  const handle = idempotentHandler(
    (request, execution) => {
      runs.push(execution);
      return answer(request, execution);
    },
    {
      idempotency,
      ttl: "1h",
      scope: request => request.headers.get("authorization") ?? "nobody",
      ...options,
    },
  );
  return { handle, runs, store, idempotency };
}

/** What a response is, in full. */
export async function shown(response: Response) {
  const { status, statusText } = response;
  return {
    status,
    statusText,
    headers: Object.fromEntries(response.headers),
    cookies: response.headers.getSetCookie(),
    body: await response.text(),
  };
}

export const replayed = (response: Response) => response.headers.get("idempotency-replayed");

/** The problem that a response tells. */
export async function problem(response: Response) {
  const text = await response.text();
  const { headers, status } = response;
  return {
    ...(JSON.parse(text) as { type: string; title: string; status: number; detail: string }),
    status,
    contentType: headers.get("content-type"),
    retryAfter: headers.get("retry-after"),
    text,
  };
}

/** Bytes that any of two thousand million others may be, and no text. */
export const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 24);

/** A handler on Node's own server, on a free port of this machine, and how to end it. */
export async function serve(handler: (request: Request) => Promise<Response>) {
  const server: Server = createServer(toNode(handler));
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const sockets = new Set<Socket>();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    /** A connection whose bytes are the caller's own. */
    async open() {
      const socket = connect(port, "127.0.0.1");
      sockets.add(socket);
      let text = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("error", () => {});
      await new Promise(done => socket.once("connect", done));
      return { socket, received: () => text };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}
