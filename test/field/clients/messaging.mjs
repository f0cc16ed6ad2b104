// SMS, chat and push.
import { REST } from "@discordjs/rest";
import OneSignal from "@onesignal/node-onesignal";
import { WebClient } from "@slack/web-api";
import { WebClient as WebClient8 } from "@slack/web-api8";
import { Auth } from "@vonage/auth";
import { Messages, SMS as MessagesSms } from "@vonage/messages";
import { SMS } from "@vonage/sms";
import { Expo } from "expo-server-sdk";
import admin from "firebase-admin";
import { Api } from "grammy";
import messagebird from "messagebird";
import OneSignalLegacy from "onesignal-node";
import plivo from "plivo";
import Pusher from "pusher";
import { Telegram } from "telegraf";
import Telnyx from "telnyx";
import twilio from "twilio";
import webPush from "web-push";
import { loopbackAgent, loopbackDispatcher, redirected } from "./common.mjs";

const text = "Your order is on its way";
const phone = "+15005550006";
const vapid = webPush.generateVAPIDKeys();
const subscriber = {
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};
const slackOnce = { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, logLevel: "error" };
let apps = 0;

export const clients = [
  {
    name: "twilio",
    send: (target, timeout) =>
      redirected(target, timeout, () =>
        twilio(`AC${"0".repeat(32)}`, "1", { timeout }).messages.create({
          to: phone,
          from: phone,
          body: text,
        }),
      ),
  },
  {
    name: "@vonage/sms",
    send: ({ url }, timeout) =>
      new SMS(new Auth({ apiKey: "1", apiSecret: "1" }), { restHost: url, timeout }).send({
        to: phone,
        from: "Shop",
        text,
      }),
  },
  {
    name: "@vonage/messages",
    send: ({ url }, timeout) =>
      new Messages(new Auth({ apiKey: "1", apiSecret: "1" }), { apiHost: url, timeout }).send(
        new MessagesSms({ to: phone, from: "Shop", text }),
      ),
  },
  {
    name: "messagebird",
    send: (target, timeout) =>
      redirected(
        target,
        timeout,
        () =>
          new Promise((resolve, reject) => {
            const message = { originator: "Shop", recipients: [phone], body: text };
            const done = (error, answer) => (error ? reject(error) : resolve(answer));
            messagebird.initClient("1", timeout).messages.create(message, done);
          }),
      ),
  },
  {
    name: "plivo",
    send: (target, timeout) =>
      redirected(target, timeout, () =>
        new plivo.Client("MA000000000000000000", "1", { timeout }).messages.create({
          src: phone,
          dst: phone,
          text,
        }),
      ),
  },
  {
    name: "telnyx",
    send: ({ url }, timeout) =>
      new Telnyx({ apiKey: "1", baseURL: url, timeout, maxRetries: 0 }).messages.send({
        from: phone,
        to: phone,
        text,
      }),
  },
  {
    name: "@slack/web-api",
    send: ({ url }, timeout) =>
      new WebClient("xoxb-1", { slackApiUrl: `${url}/`, timeout, ...slackOnce }).chat.postMessage({
        channel: "C1",
        text,
      }),
  },
  {
    name: "@slack/web-api8",
    send: ({ url }, timeout) =>
      new WebClient8("xoxb-1", { slackApiUrl: `${url}/`, timeout, ...slackOnce }).chat.postMessage({
        channel: "C1",
        text,
      }),
  },
  {
    name: "grammy",
    send: ({ url }, timeout) =>
      new Api("1:A", { apiRoot: url, timeoutSeconds: timeout / 1000 }).sendMessage(1, text),
  },
  {
    name: "telegraf",
    send: ({ url }, timeout) =>
      new Telegram("1:A", { apiRoot: url }).callApi(
        "sendMessage",
        { chat_id: 1, text },
        { signal: AbortSignal.timeout(timeout) },
      ),
  },
  {
    name: "@discordjs/rest",
    send: ({ url }, timeout) =>
      new REST({ api: url, timeout, retries: 0, rejectOnRateLimit: () => true })
        .setToken("1")
        .post("/channels/1/messages", { body: { content: text } }),
  },
  {
    name: "firebase-admin",
    send: async target => {
      apps += 1;
      const credential = {
        getAccessToken: async () => ({ access_token: "1", expires_in: 3600 }),
      };
      const app = admin.initializeApp(
        { credential, projectId: "shop", httpAgent: loopbackAgent(target) },
        `app-${apps}`,
      );
      const messaging = app.messaging();
      messaging.enableLegacyHttpTransport();
      try {
        return await messaging.send({ token: "1", notification: { title: text } });
      } finally {
        await app.delete();
      }
    },
  },
  {
    name: "web-push",
    send: (target, timeout) =>
      webPush.sendNotification({ endpoint: "https://push.example/1", keys: subscriber }, text, {
        timeout,
        agent: loopbackAgent(target),
        vapidDetails: { subject: "mailto:shop@example.com", ...vapid },
      }),
  },
  {
    name: "expo-server-sdk",
    send: (target, timeout) =>
      new Expo({ httpAgent: loopbackDispatcher(target, timeout) }).sendPushNotificationsAsync([
        { to: "ExponentPushToken[1]", body: text },
      ]),
  },
  {
    name: "@onesignal/node-onesignal",
    send: (target, timeout) =>
      redirected(target, timeout, () => {
        const configuration = OneSignal.createConfiguration({ restApiKey: "1" });
        const notification = new OneSignal.Notification();
        notification.app_id = "1";
        return new OneSignal.DefaultApi(configuration).createNotification(notification);
      }),
  },
  {
    name: "onesignal-node",
    send: ({ url }) =>
      new OneSignalLegacy.Client("1", "1", { apiRoot: url }).createNotification({ contents: { en: text } }),
  },
  {
    name: "pusher",
    send: ({ host, port }, timeout) =>
      new Pusher({ appId: "1", key: "1", secret: "1", host, port, timeout }).trigger("orders", "shipped", {
        text,
      }),
  },
];
