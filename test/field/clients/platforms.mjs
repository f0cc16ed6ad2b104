// Notification platforms, queues, payments, AI.
import Anthropic from "@anthropic-ai/sdk";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import Knock from "@knocklabs/node";
import { Novu } from "@novu/api";
import novuNode from "@novu/node";
import { PostgrestClient } from "@supabase/postgrest-js";
import suprsendNode from "@suprsend/node-sdk";
import Courier from "@trycourier/courier";
import OpenAI from "openai";
import Stripe from "stripe";
import { Svix } from "svix";
import { aws, redirected } from "./common.mjs";

const text = "Your order is on its way";

export const clients = [
  {
    name: "@novu/api",
    send: ({ url }, timeout) =>
      new Novu({
        security: { secretKey: "1" },
        serverURL: url,
        timeoutMs: timeout,
        retryConfig: { strategy: "none" },
      }).trigger({ workflowId: "shipped", to: "ada", payload: {} }),
  },
  {
    name: "@novu/node",
    send: (target, timeout) =>
      redirected(target, timeout, () =>
        new novuNode.Novu("1", { backendUrl: target.url }).trigger("shipped", {
          to: { subscriberId: "ada" },
          payload: {},
        }),
      ),
  },
  {
    name: "@knocklabs/node",
    send: ({ url }, timeout) =>
      new Knock({ apiKey: "1", baseURL: url, timeout, maxRetries: 0 }).workflows.trigger("shipped", {
        recipients: ["ada"],
      }),
  },
  {
    name: "@trycourier/courier",
    send: ({ url }, timeout) =>
      new Courier({ apiKey: "1", baseURL: url, timeout, maxRetries: 0 }).send.message({
        message: { to: { user_id: "ada" }, content: { title: "Order", body: text } },
      }),
  },
  {
    name: "@suprsend/node-sdk",
    failure: ({ success, status_code, message }) => {
      if (success) return undefined;
      // It says 500 where there was no answer.
      return { message: message || "Invalid JSON", ...(status_code !== 500 && { status: status_code }) };
    },
    send: ({ url }) => {
      const client = new suprsendNode.Suprsend("1", "1", { base_url: url });
      const { WorkflowTriggerRequest } = suprsendNode;
      const request = new WorkflowTriggerRequest({
        workflow: "shipped",
        recipients: [{ distinct_id: "ada" }],
      });
      return client.workflows.trigger(request);
    },
  },
  {
    name: "@aws-sdk/client-sns",
    send: ({ url }, timeout) =>
      new SNSClient(aws(url, timeout)).send(
        new PublishCommand({ TopicArn: "arn:aws:sns:eu-central-1:1:a", Message: text }),
      ),
  },
  {
    name: "@aws-sdk/client-sqs",
    send: ({ url }, timeout) =>
      new SQSClient(aws(url, timeout)).send(
        new SendMessageCommand({ QueueUrl: `${url}/1/a`, MessageBody: text }),
      ),
  },
  {
    name: "stripe",
    send: ({ host, port }, timeout) =>
      new Stripe("sk_test_1", {
        host,
        port,
        protocol: "http",
        timeout,
        maxNetworkRetries: 0,
      }).paymentIntents.create({
        amount: 100,
        currency: "eur",
      }),
  },
  {
    name: "openai",
    send: ({ url }, timeout) =>
      new OpenAI({ apiKey: "1", baseURL: url, timeout, maxRetries: 0 }).chat.completions.create({
        model: "gpt",
        messages: [{ role: "user", content: text }],
      }),
  },
  {
    name: "@anthropic-ai/sdk",
    send: ({ url }, timeout) =>
      new Anthropic({ apiKey: "1", baseURL: url, timeout, maxRetries: 0 }).messages.create({
        model: "claude",
        max_tokens: 10,
        messages: [{ role: "user", content: text }],
      }),
  },
  {
    name: "svix",
    send: ({ url }, timeout) =>
      new Svix("1.eu", { serverUrl: url, requestTimeout: timeout, retryScheduleInMs: [] }).message.create(
        "app",
        {
          eventType: "order.shipped",
          payload: { text },
        },
      ),
  },
  {
    name: "@supabase/postgrest-js",
    failure: ({ error, status }) => error && { ...error, status },
    send: ({ url }, timeout) =>
      new PostgrestClient(url).from("orders").insert({ text }).abortSignal(AbortSignal.timeout(timeout)),
  },
];
