import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A request as Node's server has it, with what frameworks add: the whole path, and the body's bytes. */
interface Incoming extends IncomingMessage {
  originalUrl?: string;
  rawBody?: unknown;
}

type Handler<I, O> = (request: Request, incoming: I, outgoing: O) => Promise<Response>;

/**
 * What serves a handler of `Request` and `Response` on Node's own server, `createServer(toNode(handler))`, and as a
 * middleware of Express. An error of the handler goes to `next` if there is one.
 */
export function toNode<I extends Incoming, O extends ServerResponse>(handler: Handler<I, O>) {
  return async (incoming: I, outgoing: O, next?: (error: unknown) => void): Promise<void> => {
    try {
      const response = await handler(requestOf(incoming, outgoing), incoming, outgoing);
      await send(response, incoming, outgoing);
    } catch (error) {
      if (outgoing.closed) return;
      if (next !== undefined) return next(error);
      console.error(error);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500, { connection: "close" }).end();
    }
  };
}

export function requestOf(incoming: Incoming, outgoing: ServerResponse): Request {
  const { method = "GET", url = "/", originalUrl = url, rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(incoming);
  const init = { method, headers, body, signal: gone.signal, duplex: "half" };
  return new Request(`http://${headers.get("host") ?? "localhost"}${originalUrl}`, init);
}

function bodyOf(incoming: Incoming): BodyInit {
  if (Buffer.isBuffer(incoming.rawBody)) return new Uint8Array(incoming.rawBody);
  // An empty body in its place would be compared, and handled, as if the client had sent nothing.
  if (incoming.readableDidRead) throw new Error("A body parser has read the request, and kept no `rawBody`");
  return Readable.toWeb(incoming) as ReadableStream;
}

async function send(response: Response, incoming: Incoming, outgoing: ServerResponse): Promise<void> {
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  // What is left of a request that nobody wants to read must not be taken for the next one.
  if (!incoming.complete) outgoing.setHeader("connection", "close");
  outgoing.statusCode = response.status;
  outgoing.statusMessage = response.statusText;
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
}
