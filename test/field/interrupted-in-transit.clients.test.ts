import http from "node:http";
import net, { type Socket } from "node:net";
import { text } from "node:stream/consumers";
import axios from "axios";
import got from "got";
import * as undici from "undici";
import { describe, expect, test } from "vitest";
import { interruptedInTransit } from "../../src/contract/error-policy.ts";
import {
  closedPort,
  failure,
  IMPATIENT_MS,
  listen,
  PATIENT_MS,
  silent,
} from "./interrupted-in-transit.servers.ts";

const body = "order";
const request = { method: "POST", body } as const;

/** Waits for a whole request, then does this to its connection. */
const afterRequest = (act: (socket: Socket) => void): net.Server =>
  net.createServer(socket => {
    let received = "";
    socket.on("data", chunk => {
      received += chunk;
      if (received.endsWith(body)) act(socket);
    });
  });
const says = (text: string): net.Server => afterRequest(socket => socket.end(`HTTP/1.1 ${text}`));
const answers = (status: string): net.Server => says(`${status}\r\nContent-Length: 0\r\n\r\n`);

function refuse(status: number | undefined): void {
  if (status !== 200) throw Object.assign(new Error("refused"), { status });
}
const agent = (ms: number, connect: object = {}) =>
  new undici.Agent({ headersTimeout: ms, bodyTimeout: ms, connect: { timeout: ms, ...connect } });

const CLIENTS: Record<string, (url: string, patienceMs: number) => Promise<unknown>> = {
  "node:http": async (url, patienceMs) => {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options = { method: "POST", agent: false, signal: AbortSignal.timeout(patienceMs) };
      http.request(url, options, resolve).on("error", reject).end(body);
    });
    refuse(response.statusCode);
    return text(response);
  },
  fetch: async (url, patienceMs) => {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(patienceMs) });
    refuse(response.status);
    return response.text();
  },
  "undici.fetch": async (url, patienceMs) => {
    const response = await undici.fetch(url, { ...request, dispatcher: agent(patienceMs) });
    refuse(response.status);
    return response.text();
  },
  "undici.request": async (url, patienceMs) => {
    const response = await undici.request(url, { ...request, dispatcher: agent(patienceMs) });
    refuse(response.statusCode);
    return response.body.text();
  },
  axios: (url, timeout) => axios.post(url, body, { timeout, proxy: false }),
  "axios over fetch": (url, timeout) => axios.post(url, body, { timeout, adapter: "fetch" }),
  got: (url, patienceMs) =>
    got.post(url, { body, retry: { limit: 0 }, timeout: { request: patienceMs } }).text(),
};

const FATES: [fate: string, server: () => net.Server, interrupted: boolean, patienceMs?: number][] = [
  ["resets the connection", () => afterRequest(socket => socket.resetAndDestroy()), true],
  ["closes the connection", () => afterRequest(socket => socket.end()), true],
  ["cuts the head of its answer", () => says("200 OK\r\nContent-"), true],
  ["cuts the body of its answer", () => says("200 OK\r\nContent-Length: 9\r\n\r\nqueue"), true],
  ["cuts a chunked answer", () => says("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nqueue\r\n"), true],
  ["answers nonsense", () => says("is not spoken here\r\n\r\n"), true],
  ["never answers", silent, true, IMPATIENT_MS],
  ["is lost to its gateway", () => answers("502 Bad Gateway"), true],
  ["keeps its gateway waiting", () => answers("504 Gateway Timeout"), true],
  ["answers 500", () => answers("500 Internal Server Error"), false],
  ["answers 503", () => answers("503 Service Unavailable"), false],
  ["answers 409", () => answers("409 Conflict"), false],
];

describe.each(Object.entries(CLIENTS))("%s", (_, send) => {
  test.each(FATES)("a server that, after the request, %s", async (_, server, interrupted, patienceMs) => {
    const sent = send(`http://127.0.0.1:${await listen(server())}/`, patienceMs ?? PATIENT_MS);
    expect(interruptedInTransit(await failure(sent))).toBe(interrupted);
  });

  test("a server that is down", async () => {
    const sent = send(`http://127.0.0.1:${await closedPort()}/`, PATIENT_MS);
    expect(interruptedInTransit(await failure(sent))).toBe(false);
  });

  test("a server that closes in the TLS handshake", async () => {
    const port = await listen(net.createServer(socket => socket.once("data", () => socket.end())));
    expect(interruptedInTransit(await failure(send(`https://127.0.0.1:${port}/`, PATIENT_MS)))).toBe(false);
  });
});

describe("a client that gives up", () => {
  const aborted = () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), IMPATIENT_MS);
    return controller.signal;
  };

  test.each<[string, (url: string, signal: AbortSignal) => Promise<unknown>]>([
    ["fetch", (url, signal) => fetch(url, { ...request, signal })],
    ["undici", (url, signal) => undici.request(url, { ...request, signal })],
    ["axios", (url, signal) => axios.post(url, body, { signal, proxy: false })],
    ["axios over fetch", (url, signal) => axios.post(url, body, { signal, adapter: "fetch" })],
    ["got", (url, signal) => got.post(url, { body, signal, retry: { limit: 0 } }).text()],
  ])("%s, aborted in mid-request", async (_, send) => {
    const sent = send(`http://127.0.0.1:${await listen(silent())}/`, aborted());
    expect(interruptedInTransit(await failure(sent))).toBe(true);
  });

  test("undici, destroyed in mid-request", async () => {
    const client = new undici.Client(`http://127.0.0.1:${await listen(silent())}`);
    const sent = failure(client.request({ path: "/", ...request }));
    await client.destroy();
    expect(interruptedInTransit(await sent)).toBe(true);
  });

  test("undici and got, before they are connected", async () => {
    const url = `https://127.0.0.1:${await listen(silent())}/`;
    const timeout = { secureConnect: IMPATIENT_MS };
    const undiciSent = undici.request(url, { ...request, dispatcher: agent(IMPATIENT_MS) });
    expect(interruptedInTransit(await failure(undiciSent))).toBe(false);
    expect(interruptedInTransit(await failure(got.post(url, { body, timeout, retry: { limit: 0 } })))).toBe(
      false,
    );
  });

  test("every address of a host refuses", async () => {
    const lookup: net.LookupFunction = (_, options, done) => {
      const addresses = ["127.0.0.1", "::1"].map(address => ({ address, family: net.isIP(address) }));
      options.all ? done(null, addresses) : done(null, "127.0.0.1", 4);
    };
    const dispatcher = agent(PATIENT_MS, { lookup, autoSelectFamily: true });
    const sent = undici.fetch(`http://mail.example:${await closedPort()}/`, { ...request, dispatcher });
    const error = await failure(sent);
    expect(error).toMatchObject({ cause: { errors: [{ syscall: "connect" }, { syscall: "connect" }] } });
    expect(interruptedInTransit(error)).toBe(false);
  });
});
