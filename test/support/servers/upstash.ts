import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Redis } from "ioredis";

/** A Redis by Upstash's REST protocol. */
export interface UpstashEndpoint {
  url: string;
  token: string;
  /** What was asked, one request after another. */
  requests: Command[][];
  /** Does what a matching request asks for, and cuts its connection in place of the answer; once. */
  cutBeforeReply(match: (commands: Command[]) => boolean): void;
  /** Answers with that status and a page, as a gateway does; 0 ends it. */
  failWith(status: number): void;
  /** Answers nothing to anybody, and resolves when a request waits. */
  silence(): Promise<void>;
  stop(): Promise<void>;
}

type Command = (string | number)[];
type Answer = { result: unknown } | { error: string };

/**
 * Stands before a Redis and speaks as Upstash's documentation says: `POST /` with a command, `/pipeline` and
 * `/multi-exec` with many, texts in base64 if the request's header says so, and errors as `{ error }`.
 */
export async function startUpstash(url: string): Promise<UpstashEndpoint> {
  const redis = new Redis(url);
  const token = randomUUID();
  const requests: Command[][] = [];
  let trap: ((commands: Command[]) => boolean) | undefined;
  let status = 0;
  let onSilence: (() => void) | undefined;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const body = await text(request);
    if (request.headers.authorization !== `Bearer ${token}`)
      return reply(response, 401, { error: "WRONGPASS invalid or missing auth token" });
    const isOne = request.url === "/";
    const commands: Command[] = isOne ? [JSON.parse(body)] : JSON.parse(body);
    requests.push(commands);
    if (onSilence !== undefined) return onSilence();
    if (status > 0) return response.writeHead(status).end("<html><body>Bad gateway</body></html>");
    const isCut = trap?.(commands) ?? false;
    const encode = request.headers["upstash-encoding"] === "base64" ? base64 : asText;
    const answers = request.url === "/multi-exec" ? await atOnce(commands) : await each(commands);
    const encoded = answers.map(answer => ("error" in answer ? answer : { result: encode(answer.result) }));
    if (isCut) {
      trap = undefined;
      return request.socket.resetAndDestroy();
    }
    const [first] = encoded;
    return isOne ? reply(response, "error" in first! ? 400 : 200, first!) : reply(response, 200, encoded);
  }

  const ask = ([name, ...args]: Command): Promise<Answer> =>
    redis.callBuffer(`${name}`, ...args).then(
      result => ({ result }),
      ({ message }) => ({ error: message }),
    );
  const each = (commands: Command[]) => Promise.all(commands.map(ask));
  async function atOnce(commands: Command[]): Promise<Answer[]> {
    const multi = redis.multi();
    for (const [name, ...args] of commands) multi.call(`${name}`, ...args);
    return ((await multi.exec()) ?? []).map(([error, result]) =>
      error ? { error: error.message } : { result },
    );
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(({ message }) => reply(response, 500, { error: message }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests,
    cutBeforeReply: match => {
      trap = match;
    },
    failWith: next => {
      status = next;
    },
    silence: () =>
      new Promise(resolve => {
        onSilence = resolve;
      }),
    stop: () => stop(server, redis),
  };
}

function reply(response: ServerResponse, status: number, body: Answer | Answer[]): void {
  response.writeHead(status, { "content-type": "application/json", "upstash-sync-token": randomUUID() });
  response.end(JSON.stringify(body));
}

async function stop(server: Server, redis: Redis): Promise<void> {
  redis.disconnect();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}

// A status is told as it is.
const OK = "OK";

function base64(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(base64);
  if (!Buffer.isBuffer(result)) return result;
  return result.toString() === OK ? OK : result.toString("base64");
}

function asText(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(asText);
  return Buffer.isBuffer(result) ? result.toString() : result;
}
