// The HTTP clients that others are made of. For a client that resolves for any status `failure` finds the failure in what
// it returns, and `onResult` judges that: see "Clients that return their failure" in docs/clients.md.
import http from "node:http";
import axios from "axios";
import got from "got";
import * as undici from "undici";
import { refused } from "./common.mjs";

const order = { to: "ada@example.com", text: "On its way" };
const body = JSON.stringify(order);
const headers = { "content-type": "application/json" };
const post = { method: "POST", body, headers };

/** Those that the root has too: `npm test` runs them. */
export const root = [
  {
    name: "fetch",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await fetch(url, { ...post, signal: AbortSignal.timeout(timeout) });
      return { status: response.status, data: response.ok && (await response.json()) };
    },
  },
  {
    name: "node:http",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await new Promise((resolve, reject) => {
        const options = { method: "POST", headers, agent: false, signal: AbortSignal.timeout(timeout) };
        http.request(url, options, resolve).on("error", reject).end(body);
      });
      const { statusCode: status } = response;
      let text = "";
      for await (const chunk of response) text += chunk;
      return { status, data: status < 400 && JSON.parse(text) };
    },
  },
  {
    name: "undici",
    failure: refused,
    send: async ({ url }, timeout) => {
      const limits = { headersTimeout: timeout, bodyTimeout: timeout };
      const response = await undici.request(url, { ...post, ...limits, dispatcher: new undici.Agent() });
      const { statusCode: status } = response;
      return { status, data: status < 400 && (await response.body.json()) };
    },
  },
  {
    name: "axios",
    send: ({ url }, timeout) => axios.post(url, order, { timeout, proxy: false, responseType: "json" }),
  },
  {
    name: "axios over fetch",
    send: ({ url }, timeout) => axios.post(url, order, { timeout, adapter: "fetch" }),
  },
  {
    name: "got",
    send: ({ url }, timeout) =>
      got.post(url, { json: order, retry: { limit: 0 }, timeout: { request: timeout } }).json(),
  },
];
