// What the definitions of the clients share.
import { AsyncLocalStorage } from "node:async_hooks";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { Agent } from "undici";

/** The failure in what a client returned that resolves for any status. */
export const refused = ({ status }) => (status >= 400 ? { status } : undefined);

/** Speaks plain HTTP with the server of the cell, whatever host it is asked for. */
export function loopbackAgent({ host, port }) {
  const agent = new https.Agent({ keepAlive: false });
  agent.createConnection = () => net.connect({ host, port });
  return agent;
}

/** The same for undici, and for a `fetch` that takes a dispatcher. */
export function loopbackDispatcher({ host, port }, timeout) {
  const connect = (_, done) => {
    const socket = net.connect({ host, port });
    socket.once("connect", () => done(null, socket)).once("error", done);
  };
  return new Agent({ headersTimeout: timeout, bodyTimeout: timeout, connect });
}

const cells = new AsyncLocalStorage();

/**
 * For clients with a host of their own and no option for it: within `run` each request of `fetch` and
 * `node:https` goes to the server of the cell. `timeout` is for a `fetch` that the client gives no signal.
 */
export function redirected(target, timeout, run) {
  return cells.run({ target, timeout, agent: loopbackAgent(target) }, run);
}

const originalFetch = globalThis.fetch;
globalThis.fetch = async (input, options) => {
  const cell = cells.getStore();
  if (!cell) return originalFetch(input, options);
  const request = input instanceof Request ? input : undefined;
  const { pathname, search } = new URL(request?.url ?? input);
  const signal = options?.signal ?? request?.signal ?? AbortSignal.timeout(cell.timeout);
  const body = request?.body ? await request.text() : undefined;
  const from = request && { method: request.method, headers: request.headers, ...(body && { body }) };
  return originalFetch(`${cell.target.url}${pathname}${search}`, { ...from, ...options, signal });
};

const originalRequest = https.request;
https.request = (first, second, third) => {
  const cell = cells.getStore();
  if (!cell) return originalRequest(first, second, third);
  const isAddress = typeof first === "string" || first instanceof URL;
  if (!isAddress) return originalRequest({ ...first, agent: cell.agent }, second, third);
  const options = { ...(typeof second === "object" && second), agent: cell.agent };
  return originalRequest(first, options, typeof second === "function" ? second : third);
};
syncBuiltinESMExports();

/** AWS: no retries, no credentials but these. */
export const aws = (url, timeout) => ({
  region: "eu-central-1",
  endpoint: url,
  credentials: { accessKeyId: "1", secretAccessKey: "1" },
  maxAttempts: 1,
  requestHandler: { requestTimeout: timeout, throwOnRequestTimeout: true, connectionTimeout: 20_000 },
});
