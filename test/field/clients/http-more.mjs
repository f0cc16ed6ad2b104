// More HTTP clients, which the root does not have.

import { request as octokitRequest } from "@octokit/request";
import got11 from "got11";
import ky from "ky";
import needle from "needle";
import nodeFetch from "node-fetch";
import nodeFetch2 from "node-fetch2";
import { ofetch } from "ofetch";
import phin from "phin";
import request from "request";
import superagent from "superagent";
import wretch from "wretch";
import { refused } from "./common.mjs";

const order = { to: "ada@example.com", text: "On its way" };
const json = JSON.stringify(order);
const post = { method: "POST", body: json, headers: { "content-type": "application/json" } };

export const clients = [
  {
    name: "got11",
    send: ({ url }, timeout) => got11.post(url, { json: order, retry: 0, timeout }).json(),
  },
  { name: "ky", send: ({ url }, timeout) => ky.post(url, { json: order, retry: 0, timeout }).json() },
  {
    name: "node-fetch",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await nodeFetch(url, { ...post, signal: AbortSignal.timeout(timeout) });
      return { status: response.status, data: response.ok && (await response.json()) };
    },
  },
  {
    name: "node-fetch2",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await nodeFetch2(url, { ...post, timeout });
      return { status: response.status, data: response.ok && (await response.json()) };
    },
  },
  { name: "ofetch", send: ({ url }, timeout) => ofetch(url, { ...post, retry: 0, timeout }) },
  {
    name: "wretch",
    send: ({ url }, timeout) =>
      wretch(url)
        .options({ signal: AbortSignal.timeout(timeout) })
        .post(order)
        .json(),
  },
  {
    name: "@octokit/request",
    send: ({ url }, timeout) =>
      octokitRequest({
        method: "POST",
        url: "/messages",
        baseUrl: url,
        data: order,
        request: { signal: AbortSignal.timeout(timeout) },
      }),
  },
  {
    name: "superagent",
    send: ({ url }, timeout) => superagent.post(url).timeout({ response: timeout }).send(order),
  },
  {
    name: "request",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await new Promise((resolve, reject) => {
        const done = (error, answer) => (error ? reject(error) : resolve(answer));
        request.post(url, { body: json, timeout }, done);
      });
      const { statusCode: status } = response;
      return { status, data: status < 400 && JSON.parse(response.body) };
    },
  },
  {
    name: "needle",
    failure: refused,
    send: async ({ url }, timeout) => {
      const options = { json: true, response_timeout: timeout, read_timeout: timeout };
      const response = await needle("post", url, order, options);
      return { status: response.statusCode, data: response.body };
    },
  },
  {
    name: "phin",
    failure: refused,
    send: async ({ url }, timeout) => {
      const response = await phin({ url, method: "POST", data: order, timeout, parse: "json" });
      return { status: response.statusCode, data: response.body };
    },
  },
];
