import http2, { type ServerHttp2Stream } from "node:http2";
import type net from "node:net";
import type { Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, test } from "vitest";
import { interruptedInTransit } from "../../src/contract/error-policy.ts";
import {
  afterwards,
  closedPort,
  failure,
  IMPATIENT_MS,
  listen,
  PATIENT_MS,
  silent,
} from "./interrupted-in-transit.servers.ts";

interface MailOptions {
  port: number;
  connectionTimeout?: number;
  greetingTimeout?: number;
  socketTimeout?: number;
  secure?: boolean;
  pool?: true;
  signal?: AbortSignal;
}

const PATIENT = { connectionTimeout: PATIENT_MS, greetingTimeout: PATIENT_MS, socketTimeout: PATIENT_MS };

async function mail({ signal, ...options }: MailOptions): Promise<unknown> {
  const transport = nodemailer.createTransport({ host: "127.0.0.1", ...PATIENT, ...options });
  afterwards(() => transport.close());
  const message: SendMailOptions = { from: "shop@example.com", to: "ada@example.com", text: "On its way" };
  return transport.sendMail({ ...message, ...(signal && { signal }) });
}

/** A mail server; `cut` ends every connection that it has. */
async function mailServer(options: (cut: (how: "end" | "resetAndDestroy") => void) => SMTPServerOptions) {
  const sockets = new Set<Socket>();
  const cut = (how: "end" | "resetAndDestroy") => {
    for (const socket of sockets) socket[how]();
  };
  const server = new SMTPServer({ authOptional: true, disabledCommands: ["STARTTLS"], ...options(cut) });
  server.on("error", () => {});
  server.server.on("connection", (socket: Socket) => sockets.add(socket));
  return listen(server.server);
}

/** Takes the whole message before it does this. */
const afterData = (act: (answer: (error?: Error | null) => void) => void): SMTPServerOptions => ({
  onData: (stream, _, answer) => void stream.resume().on("end", () => act(answer)),
});

describe("nodemailer", () => {
  test("delivers to the server of these tests", async () => {
    const port = await mailServer(() => afterData(answer => answer()));
    expect(await mail({ port })).toMatchObject({ accepted: ["ada@example.com"] });
  });

  test.each<[string, Parameters<typeof mailServer>[0], boolean, code: string]>([
    ["closes after DATA", cut => afterData(() => cut("end")), true, "ECONNECTION"],
    ["resets after DATA", cut => afterData(() => cut("resetAndDestroy")), true, "ESOCKET"],
    ["closes in its greeting", cut => ({ onConnect: () => cut("end") }), true, "ECONNECTION"],
    ["resets in its greeting", cut => ({ onConnect: () => cut("resetAndDestroy") }), true, "ESOCKET"],
    [
      "sends the client away",
      () => ({ onConnect: (_, answer) => answer(new Error("no")) }),
      false,
      "EPROTOCOL",
    ],
    [
      "rejects the address",
      () => ({ onRcptTo: (_, __, answer) => answer(new Error("no")) }),
      false,
      "EENVELOPE",
    ],
    ["rejects the message", () => afterData(answer => answer(new Error("no"))), false, "EMESSAGE"],
  ])("a server that %s", async (_, options, interrupted, code) => {
    const error = await failure(mail({ port: await mailServer(options) }));
    expect(error).toMatchObject({ code });
    expect(interruptedInTransit(error)).toBe(interrupted);
  });

  test("a server that closes after DATA, with a pool", async () => {
    const port = await mailServer(cut => afterData(() => cut("end")));
    expect(interruptedInTransit(await failure(mail({ port, pool: true })))).toBe(true);
  });

  test("a server that says nothing after DATA", async () => {
    const port = await mailServer(() => afterData(() => {}));
    const error = await failure(mail({ port, socketTimeout: IMPATIENT_MS }));
    expect(error).toMatchObject({ code: "ETIMEDOUT", command: "CONN", message: "Timeout" });
    expect(interruptedInTransit(error)).toBe(true);
  });

  test("a send aborted after DATA", async () => {
    const controller = new AbortController();
    const port = await mailServer(() => afterData(() => controller.abort()));
    expect(interruptedInTransit(await failure(mail({ port, signal: controller.signal })))).toBe(true);
  });

  test.each<[string, () => Promise<MailOptions>, message: RegExp]>([
    ["is down", async () => ({ port: await closedPort() }), /ECONNREFUSED/],
    [
      "never greets",
      async () => ({ port: await listen(silent()), greetingTimeout: IMPATIENT_MS }),
      /^Greeting never received$/,
    ],
    [
      "never gets to TLS",
      async () => ({ port: await listen(silent()), secure: true, connectionTimeout: IMPATIENT_MS }),
      /^Connection timeout$/,
    ],
  ])("a server that %s", async (_, options, message) => {
    const error = await failure(mail(await options()));
    expect(error).toMatchObject({ command: "CONN", message: expect.stringMatching(message) });
    expect(interruptedInTransit(error)).toBe(false);
  });
});

/** Makes one unary call, and cancels it after `cancelMs`. */
async function call(port: number, deadlineMs = PATIENT_MS, cancelMs?: number): Promise<Buffer | undefined> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  afterwards(() => client.close());
  const same = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve, reject) => {
    const done: grpc.requestCallback<Buffer> = (error, value) => (error ? reject(error) : resolve(value));
    const order = Buffer.from("order");
    const running = client.makeUnaryRequest("/mail.Mail/Send", same, same, order, options, done);
    if (cancelMs !== undefined) setTimeout(() => running.cancel(), cancelMs);
  });
}

/** Speaks HTTP/2, and does this when it has a whole request. */
const onStream = (act: (stream: ServerHttp2Stream) => void): net.Server => {
  const server = http2.createServer().on("sessionError", () => {});
  return server.on("stream", stream =>
    stream
      .on("error", () => {})
      .resume()
      .on("end", () => act(stream)),
  );
};
const status = (code: number) => (stream: ServerHttp2Stream) =>
  stream.respond({ ":status": code }, { endStream: true });
const grpcStatus = (code: grpc.status) => (stream: ServerHttp2Stream) =>
  stream.respond({ "content-type": "application/grpc", "grpc-status": code }, { endStream: true });

describe("gRPC", () => {
  test.each<[string, (stream: ServerHttp2Stream) => void, boolean]>([
    ["drops the connection", stream => stream.session?.destroy(), true],
    ["cancels", stream => stream.close(http2.constants.NGHTTP2_CANCEL), true],
    ["breaks off", stream => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), true],
    ["ends without a status", stream => stream.close(http2.constants.NGHTTP2_NO_ERROR), true],
    ["is lost to its gateway", status(502), true],
    ["keeps its gateway waiting", status(504), true],
    ["refuses the stream", stream => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM), false],
    ["answers over HTTP", status(503), false],
    ["answers UNAVAILABLE", grpcStatus(grpc.status.UNAVAILABLE), false],
    ["answers INTERNAL", grpcStatus(grpc.status.INTERNAL), false],
  ])("a server that %s", async (_, act, interrupted) => {
    expect(interruptedInTransit(await failure(call(await listen(onStream(act)))))).toBe(interrupted);
  });

  test("a server that never answers: out of time, or cancelled", async () => {
    const port = await listen(onStream(() => {}));
    expect(interruptedInTransit(await failure(call(port, 4 * IMPATIENT_MS)))).toBe(true); // connecting included
    expect(interruptedInTransit(await failure(call(port, PATIENT_MS, IMPATIENT_MS)))).toBe(true);
  });

  test("a server that is down, or never gets to HTTP/2", async () => {
    expect(interruptedInTransit(await failure(call(await closedPort())))).toBe(false);
    expect(interruptedInTransit(await failure(call(await listen(silent()), IMPATIENT_MS)))).toBe(false);
  });
});
