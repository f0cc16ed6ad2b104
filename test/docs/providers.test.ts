import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { parseDuration } from "../../src/contract/duration.ts";
import { fakeFetch } from "../support/providers/fake-fetch.ts";
import { PROVIDERS } from "../support/providers/providers.ts";
import { ROOT } from "./child.ts";

const page = readFileSync(join(ROOT, "docs/providers.md"), "utf8");

/** The hosts of the table's rows. */
const HOSTS: Readonly<Record<string, string>> = {
  Resend: "api.resend.com",
  Stripe: "api.stripe.com",
  Novu: "api.novu.co",
  Knock: "api.knock.app",
  Courier: "api.courier.com",
  Fyno: "fyno.example",
  MagicBell: "magicbell.example",
  SparkPost: "api.sparkpost.com",
  Nylas: "api.us.nylas.com",
  Lettermint: "lettermint.example",
  Emailit: "api.emailit.com",
  useSend: "usesend.example",
  OneSignal: "api.onesignal.com",
  SuprSend: "hub.suprsend.com",
  Brevo: "api.brevo.com",
  Discord: "discord.com",
  "Google Chat": "chat.googleapis.com",
  "Amazon SQS, SNS": "sqs.eu-central-1.amazonaws.com",
  "Azure Communication Services": "example.communication.azure.com",
};

const table = page.split("## Providers that take a key")[1]!.split("### By the header")[0]!;
const rows = table
  .split("\n")
  .filter(line => line.startsWith("|"))
  .slice(2)
  .map(line => line.split("|").map(cell => cell.trim()));

describe("the table of providers that take a key", () => {
  test("has a row for each that the fakes know", () => {
    const known = Object.keys(PROVIDERS).filter(host => PROVIDERS[host]?.memoryMs !== undefined);
    expect(rows.map(([, name = ""]) => HOSTS[name])).toEqual(known);
  });

  test.each(rows.map(([, name = "", , , within = ""]) => [name, within.replaceAll(/[`"]/g, "")]))(
    "advises %s to rerun for a time that it remembers: %s",
    (name, within) => {
      const { memoryMs = 0 } = PROVIDERS[HOSTS[name]!]!;
      expect(parseDuration(within)).toBeLessThan(memoryMs);
      // The recipe says the same, or has the default of the recipes by the header.
      expect(page.split("### By the header")[1]).toContain(`"${within}"`);
    },
  );
});

const keyed = Object.entries(PROVIDERS).filter(([, { memoryMs }]) => memoryMs !== undefined);
const UUIDS = ["6f1c6c0e-0000-8000-8000-000000000001", "7f1c6c0e-0000-8000-8000-000000000001"] as const;

/** A request that carries a key in every way that a provider may look for one. */
function ask(fetch: typeof globalThis.fetch, host: string, key: string, text = "hello") {
  const nonce = key.slice(0, 25);
  const body = {
    idempotency_key: key,
    $idempotency_key: key,
    headers: { idempotencyKey: key },
    MessageDeduplicationId: key,
    text,
  };
  return fetch(`https://${host}/?requestId=${key}`, {
    method: "POST",
    headers: { "idempotency-key": key, "repeatability-request-id": key },
    body: JSON.stringify({ ...body, nonce, enforce_nonce: true }),
  });
}

describe.each(keyed)("the fake of %s", (host, { memoryMs = 0, onOther, onKnown }) => {
  let now = 0;
  let fake: ReturnType<typeof fakeFetch>;

  beforeEach(() => {
    now = 0;
    fake = fakeFetch({ now: () => now, fault: () => undefined });
  });

  test("carries out one request for a key until it forgets it", async () => {
    const first = await (await ask(fake.fetch, host, UUIDS[0])).json();
    now = memoryMs - 1;
    const second = await (await ask(fake.fetch, host, UUIDS[0])).json();
    expect(second).toEqual(onKnown ?? first);
    expect(fake.sentTo(host)).toHaveLength(1);
    now = memoryMs;
    await ask(fake.fetch, host, UUIDS[0]);
    expect(fake.sentTo(host)).toHaveLength(2);
  });

  test("carries out another key's", async () => {
    for (const key of UUIDS) await ask(fake.fetch, host, key);
    expect(fake.sentTo(host)).toHaveLength(2);
  });

  test("answers another payload as documented", async () => {
    await ask(fake.fetch, host, UUIDS[0]);
    const { status } = await ask(fake.fetch, host, UUIDS[0], "something else");
    expect(status).toBe(typeof onOther === "number" ? onOther : 200);
    expect(fake.sentTo(host)).toHaveLength(1);
  });
});

test.each(["api.onesignal.com", "api.brevo.com", "example.communication.azure.com"])(
  "%s refuses a key that is no UUID",
  async host => {
    const fake = fakeFetch({ now: () => 0, fault: () => undefined });
    expect((await ask(fake.fetch, host, "order-1041")).status).toBe(400);
    expect(fake.sentTo(host)).toHaveLength(0);
  },
);

test("an answer that is lost leaves the effect, a request that is lost leaves none", async () => {
  const fake = fakeFetch({ now: () => 0, fault: n => (n === 1 ? "answer lost" : "request lost") });
  for (const key of UUIDS) {
    await expect(ask(fake.fetch, "api.resend.com", key)).rejects.toMatchObject({
      cause: { code: "UND_ERR_SOCKET" },
    });
  }
  expect(fake.sentTo("api.resend.com")).toHaveLength(1);
});
