// Apple's push service, over HTTP/2.
import { generateKeyPairSync } from "node:crypto";
import apn from "@parse/node-apn";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = privateKey.export({ type: "pkcs8", format: "pem" });

export const clients = [
  {
    name: "@parse/node-apn",
    protocol: "http2",
    failure: ({ failed: [failure] }) => failure && (failure.error ?? failure),
    send: async ({ url, host, port }, timeout) => {
      const provider = new apn.Provider({
        token: { key, keyId: "1234567890", teamId: "1234567890" },
        address: host,
        port,
        requestTimeout: timeout,
        connectionRetryLimit: 0,
      });
      provider.client._mockOverrideUrl = url;
      const notification = new apn.Notification({ alert: "On its way", topic: "com.example.shop" });
      try {
        return await provider.send(notification, "a1".repeat(32));
      } finally {
        provider.shutdown();
      }
    },
  },
];
