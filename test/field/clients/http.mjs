// The HTTP clients that others are made of. A client that resolves for any status gets the throw that its
// users write: see "recipes" in docs/clients.md.
import http from "node:http";
import axios from "axios";
import got from "got";
import * as undici from "undici";
import { refuse } from "./common.mjs";

const order = { to: "ada@example.com", text: "On its way" };
const body = JSON.stringify(order);
const headers = { "content-type": "application/json" };
const post = { method: "POST", body, headers };

/** Those that the root has too: `npm test` runs them. */
export const root = [
  {
    name: "fetch",
    returns: "response.ok",
    send: async ({ url }, timeout) => {
      const response = await fetch(url, { ...post, signal: AbortSignal.timeout(timeout) });
      refuse(response.status, response);
      return response.json();
    },
  },
  {
    name: "node:http",
    returns: "response.statusCode",
    send: async ({ url }, timeout) => {
      const response = await new Promise((resolve, reject) => {
        const options = { method: "POST", headers, agent: false, signal: AbortSignal.timeout(timeout) };
        http.request(url, options, resolve).on("error", reject).end(body);
      });
      refuse(response.statusCode, response);
      let text = "";
      for await (const chunk of response) text += chunk;
      return JSON.parse(text);
    },
  },
  {
    name: "undici",
    returns: "response.statusCode",
    send: async ({ url }, timeout) => {
      const limits = { headersTimeout: timeout, bodyTimeout: timeout };
      const response = await undici.request(url, { ...post, ...limits, dispatcher: new undici.Agent() });
      refuse(response.statusCode, response);
      return response.body.json();
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
