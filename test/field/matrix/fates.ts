import http, { type IncomingMessage, type ServerResponse } from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo, type Socket } from "node:net";

/** Where a client shall send to. */
export interface Target {
  host: string;
  port: number;
  url: string;
}

/** A server that does one thing to every request; how many it got. */
export interface HostileServer {
  target: Target;
  received(): number;
  stop(): void;
}

const HTML = "<html><head><title>Error</title></head><body><h1>It is the gateway who speaks</h1></body></html>";
const STATUSES = [408, 429, 500, 502, 503, 504, 520, 524] as const;

/** What an HTTP server does once it has the whole request. */
type HttpFate = (request: IncomingMessage, response: ServerResponse) => void;

const answer =
  (status: number, body: string): HttpFate =>
  (_, response) =>
    response.writeHead(status, body ? { "content-type": "text/html" } : {}).end(body);

/** Columns of the table: in some the server acts in two ways, with an empty and an HTML body. */
export const HTTP_FATES: Readonly<Record<string, readonly HttpFate[]>> = {
  reset: [({ socket }) => socket.resetAndDestroy()],
  closed: [({ socket }) => socket.destroy()],
  silent: [() => {}],
  "cut short": [
    ({ socket }) => socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"id'),
  ],
  "200 HTML": [answer(200, HTML)],
  ...Object.fromEntries(STATUSES.map(status => [status, [answer(status, ""), answer(status, HTML)]])),
};

/** What the same columns are over HTTP/2. */
type Http2Fate = (stream: http2.ServerHttp2Stream) => void;
const answer2 =
  (status: number, body: string): Http2Fate =>
  stream => {
    stream.respond({ ":status": status });
    stream.end(body);
  };
export const HTTP2_FATES: Readonly<Record<string, readonly Http2Fate[]>> = {
  reset: [stream => (stream.session?.socket as Socket).destroy(), stream => stream.close(2)],
  closed: [stream => stream.session?.destroy()],
  silent: [() => {}],
  "200 HTML": [answer2(200, HTML)],
  ...Object.fromEntries(STATUSES.map(status => [status, [answer2(status, ""), answer2(status, HTML)]])),
};

/** What happens to a mail once the server has all of it, or to a command at all. */
export type SmtpFate = string | ((socket: Socket) => void);
export const SMTP_FATES: Readonly<Record<string, readonly SmtpFate[]>> = {
  reset: [socket => socket.resetAndDestroy()],
  closed: [socket => socket.destroy()],
  silent: [() => {}],
  "200 HTML": [HTML],
  ...Object.fromEntries([421, 451, 550].map(code => [code, [`${code} it is refused`]])),
};

async function listen(server: net.Server, received: () => number): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { target: targetOf("127.0.0.1", port), received, stop };
}

const targetOf = (host: string, port: number): Target => ({ host, port, url: `http://${host}:${port}` });

export function httpServer(fate: HttpFate): Promise<HostileServer> {
  let received = 0;
  const server = http.createServer((request, response) => {
    request.on("error", () => {});
    request.resume().on("end", () => {
      received += 1;
      fate(request, response);
    });
  });
  return listen(server, () => received);
}

export function http2Server(fate: Http2Fate): Promise<HostileServer> {
  let received = 0;
  const server = http2.createServer().on("sessionError", () => {});
  server.on("stream", stream => {
    stream.on("error", () => {});
    stream.resume().on("end", () => {
      received += 1;
      fate(stream);
    });
  });
  return listen(server, () => received);
}

/** Speaks as much SMTP as it takes to get a message. */
export function smtpServer(fate: SmtpFate): Promise<HostileServer> {
  let received = 0;
  const server = net.createServer(socket => {
    let inData = false;
    let text = "";
    socket.write("220 hostile ESMTP\r\n").valueOf();
    socket.on("data", chunk => {
      text += chunk;
      if (inData && text.endsWith("\r\n.\r\n")) {
        received += 1;
        inData = false;
        typeof fate === "string" ? socket.write(`${fate}\r\n`) : fate(socket);
      } else if (!inData && text.endsWith("\r\n")) {
        inData = /^DATA/i.test(text);
        socket.write(inData ? "354 go on\r\n" : "250 hostile\r\n");
      } else return;
      text = "";
    });
  });
  return listen(server, () => received);
}

/** Nobody listens there. */
export async function refusing(): Promise<HostileServer> {
  const { target, stop } = await listen(net.createServer(), () => 0);
  stop();
  return { target, received: () => 0, stop };
}

/** No name server knows this host. */
export const unknownHost = (): HostileServer => ({
  target: targetOf("no-such-host.invalid", 8080),
  received: () => 0,
  stop() {},
});
