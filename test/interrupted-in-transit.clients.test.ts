import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import * as grpc from "@grpc/grpc-js";
import axios from "axios";
import got from "got";
import nodemailer from "nodemailer";
import type SMTPTransport from "nodemailer/lib/smtp-transport";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import * as undici from "undici";
import { afterEach, describe, expect, test } from "vitest";
import { interruptedInTransit } from "../src/interrupted-in-transit.ts";

// Long enough for a machine under load to connect, short enough to wait for.
const PATIENCE_MS = 250;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Listens on a free port. When the test ends, it closes and cuts every connection. */
async function listen(server: net.Server): Promise<number> {
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    cleanUps.push(() => socket.destroy());
  });
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers each HTTP request by doing this to its connection. */
const afterRequest = (act: (socket: Socket) => void): net.Server =>
  net.createServer(socket => {
    let received = "";
    socket.on("data", chunk => {
      received += chunk;
      if (received.endsWith("order")) act(socket);
    });
  });
const answers = (head: string): net.Server => afterRequest(socket => socket.end(`HTTP/1.1 ${head}`));
const silent = (): net.Server => net.createServer(() => {});

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise(closed => server.close(closed));
  return port;
}

async function failure(outcome: Promise<unknown>): Promise<unknown> {
  return outcome.then(
    value => expect.fail(`it succeeded: ${String(value)}`),
    (error: unknown) => error,
  );
}

type Client = (url: string) => Promise<unknown>;
const body = "order";
const request = { method: "POST", body };
const refuseBadStatus = (status: number): void => {
  if (status >= 300) throw Object.assign(new Error("refused"), { status });
};
const impatient = () =>
  new undici.Agent({
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
    connect: { timeout: PATIENCE_MS },
  });

const CLIENTS: Record<string, Client> = {
  "node:http": async url => {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options = { method: "POST", agent: false, signal: AbortSignal.timeout(PATIENCE_MS) };
      http.request(url, options, resolve).on("error", reject).end(body);
    });
    refuseBadStatus(response.statusCode ?? 0);
    return text(response);
  },
  fetch: async url => {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
    refuseBadStatus(response.status);
    return response.text();
  },
  "undici.fetch": async url => {
    const response = await undici.fetch(url, { ...request, dispatcher: impatient() });
    refuseBadStatus(response.status);
    return response.text();
  },
  "undici.request": async url => {
    const response = await undici.request(url, { method: "POST", body, dispatcher: impatient() });
    refuseBadStatus(response.statusCode);
    return response.body.text();
  },
  axios: url => axios.post(url, body, { timeout: PATIENCE_MS, proxy: false }),
  "axios over fetch": url => axios.post(url, body, { timeout: PATIENCE_MS, adapter: "fetch" }),
  got: url => got.post(url, { body, retry: { limit: 0 }, timeout: { request: PATIENCE_MS } }).text(),
};

const FATES: [fate: string, server: () => net.Server, interrupted: boolean][] = [
  ["resets the connection after the request", () => afterRequest(socket => socket.resetAndDestroy()), true],
  ["closes the connection after the request", () => afterRequest(socket => socket.end()), true],
  ["never answers", silent, true],
  ["cuts the head of its answer", () => answers("200 OK\r\nContent-"), true],
  ["cuts the body of its answer", () => answers("200 OK\r\nContent-Length: 100\r\n\r\nqueued"), true],
  [
    "cuts a chunked answer",
    () => answers("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nqueued\r\n"),
    true,
  ],
  [
    "stalls in its answer",
    () => afterRequest(socket => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1")),
    true,
  ],
  ["answers nonsense", () => answers("is not spoken here\r\n\r\n"), true],
  ["is behind a gateway that lost it", () => answers("502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), true],
  [
    "is behind a gateway that waited in vain",
    () => answers("504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"),
    true,
  ],
  ["answers 500", () => answers("500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"), false],
  ["answers 503", () => answers("503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), false],
  ["answers 409", () => answers("409 Conflict\r\nContent-Length: 0\r\n\r\n"), false],
];

describe.each(Object.entries(CLIENTS))("%s", (_, send) => {
  test.each(FATES)("a server that %s", async (_, server, interrupted) => {
    const error = await failure(send(`http://127.0.0.1:${await listen(server())}/`));
    expect(interruptedInTransit(error)).toBe(interrupted);
  });

  test("a server that is down, or not to be found", async () => {
    expect(interruptedInTransit(await failure(send(`http://127.0.0.1:${await closedPort()}/`)))).toBe(false);
    expect(interruptedInTransit(await failure(send("http://nowhere.invalid/")))).toBe(false);
  });

  test("a server that closes in the TLS handshake", async () => {
    const port = await listen(net.createServer(socket => socket.once("data", () => socket.end())));
    expect(interruptedInTransit(await failure(send(`https://127.0.0.1:${port}/`)))).toBe(false);
  });
});
