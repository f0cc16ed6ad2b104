import http, { type IncomingMessage, type ServerResponse } from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo, type Socket } from "node:net";

/** Where a client sends to. */
export interface Target {
  host: string;
  port: number;
  url: string;
}

/** A server that does one thing to every request, once it has all of it. */
export interface HostileServer {
  target: Target;
  /** How many requests it got. */
  received(): number;
  stop(): void;
}

/** A column of the table, and the ways to fill it: by an empty and an HTML body, for example. */
export type Fates = readonly (readonly [column: string, start: readonly (() => Promise<HostileServer>)[]])[];

/** What a server does in place of an answer. */
export type OnSocket = (socket: Socket) => void;

export const HTML = "<html><head><title>Error</title></head><body><h1>The gateway speaks</h1></body></html>";
const STATUSES = [408, 429, 500, 502, 503, 504, 520, 524];
const BODIES = ["", HTML];

export const reset: OnSocket = socket => socket.resetAndDestroy();
export const close: OnSocket = socket => socket.destroy();
export const keepSilent: OnSocket = () => {};

/** Starts a server on a port of this machine. */
export async function listen(server: net.Server, received: () => number): Promise<HostileServer> {
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

/** Nobody listens there. */
async function refusing(): Promise<HostileServer> {
  const server = await listen(net.createServer(), () => 0);
  server.stop();
  return server;
}

/** No name server knows this host. */
const unknownHost = async (): Promise<HostileServer> => ({
  target: targetOf("no-such-host.invalid", 8080),
  received: () => 0,
  stop() {},
});

export const NEVER_SENT: Fates = [
  ["refused", [refusing]],
  ["unknown host", [unknownHost]],
];

type HttpFate = (request: IncomingMessage, response: ServerResponse) => void;

function httpServer(fate: HttpFate): Promise<HostileServer> {
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

const CUT = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"id';
const onSocket = (act: OnSocket) => () => httpServer(({ socket }) => act(socket));
const answer = (status: number, body: string) => () =>
  httpServer((_, response) =>
    response.writeHead(status, body ? { "content-type": "text/html" } : {}).end(body),
  );

export const HTTP_FATES: Fates = [
  ["reset", [onSocket(reset)]],
  ["closed", [onSocket(close)]],
  ["silent", [onSocket(keepSilent)]],
  ["cut short", [onSocket(socket => socket.end(CUT))]],
  ["200 HTML", [answer(200, HTML)]],
  ...STATUSES.map(status => [`${status}`, BODIES.map(body => answer(status, body))] as const),
  ...NEVER_SENT,
];

type Http2Fate = (stream: http2.ServerHttp2Stream) => void;

const http2Server = (fate: Http2Fate) => () => {
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
};

const answer2 = (status: number, body: string) =>
  http2Server(stream => {
    stream.respond({ ":status": status });
    stream.end(body);
  });

export const HTTP2_FATES: Fates = [
  ["reset", [http2Server(stream => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR))]],
  ["closed", [http2Server(stream => stream.session?.destroy())]],
  ["silent", [http2Server(() => {})]],
  ["cut short", []],
  ["200 HTML", [answer2(200, HTML)]],
  ...STATUSES.map(status => [`${status}`, BODIES.map(body => answer2(status, body))] as const),
  ...NEVER_SENT,
];

/** Speaks as much SMTP as it takes to get a message. */
const smtpServer = (fate: string | OnSocket) => () => {
  let received = 0;
  const server = net.createServer(socket => {
    let inData = false;
    let text = "";
    socket.write("220 hostile ESMTP\r\n");
    socket.on("data", chunk => {
      text += chunk;
      if (!text.endsWith(inData ? "\r\n.\r\n" : "\r\n")) return;
      if (inData) {
        received += 1;
        typeof fate === "string" ? socket.write(`${fate}\r\n`) : fate(socket);
      }
      inData = !inData && /^DATA/i.test(text);
      if (inData) socket.write("354 go on\r\n");
      else if (!text.endsWith("\r\n.\r\n")) socket.write("250 hostile\r\n");
      text = "";
    });
  });
  return listen(server, () => received);
};

export const SMTP_FATES: Fates = [
  ["reset", [smtpServer(reset)]],
  ["closed", [smtpServer(close)]],
  ["silent", [smtpServer(keepSilent)]],
  ["nonsense", [smtpServer(HTML)]],
  ...[421, 451, 550].map(code => [`${code}`, [smtpServer(`${code} refused`)]] as const),
  ...NEVER_SENT,
];

/** A proxy before a database that lets the marked statement through, and acts in place of its reply. */
const databaseProxy = (upstream: URL, mark: string, fate: OnSocket) => () => {
  let received = 0;
  const server = net.createServer(client => {
    let armed = false;
    const database = net.connect({ host: upstream.hostname, port: Number(upstream.port) });
    client.on("data", chunk => {
      const marked = chunk.includes(mark);
      if (marked) received += 1;
      armed ||= marked;
      database.write(chunk);
    });
    database.on("data", chunk => (armed ? fate(client) : client.write(chunk)));
    database.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.on("close", () => database.destroy());
  });
  return listen(server, () => received);
};

export function databaseFates(url: string, mark: string): Fates {
  const proxy = (fate: OnSocket) => databaseProxy(new URL(url), mark, fate);
  return [
    ["reset", [proxy(reset)]],
    ["closed", [proxy(close)]],
    ["silent", [proxy(keepSilent)]],
    ["nonsense", [proxy(socket => socket.writable && socket.write(HTML))]],
    ...NEVER_SENT,
  ];
}
