/** A request as a provider reads it. */
export interface Asked {
  url: URL;
  method: string;
  headers: Headers;
  /** Its body, of JSON or of a form. */
  body: Readonly<Record<string, unknown>>;
}

/** What a provider documents of the keys that it takes. */
export interface Provider {
  /** The idempotency key that a request carries, if any. */
  key?: (asked: Asked) => unknown;
  /** How long it is remembered. */
  memoryMs?: number;
  /** What a key has to look like. */
  format?: RegExp;
  /** What comes of the same key with another payload: that status, or the first answer. */
  onOther?: number | "first answer";
  /** What a request gets whose key is known: the first answer, unless it says otherwise. */
  onKnown?: Readonly<Record<string, unknown>>;
  /** What a request gets that is carried out, the nth. */
  answer(n: number): Readonly<Record<string, unknown>>;
  /** What a look finds among what was carried out. */
  find?: (sent: readonly Sent[], asked: Asked) => unknown;
}

/** A request that was carried out. */
export interface Sent {
  asked: Asked;
  answer: Readonly<Record<string, unknown>>;
  at: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const header = ({ headers }: Asked) => headers.get("idempotency-key") ?? undefined;
const upTo = (length: number) => new RegExp(`^.{1,${length}}$`);

/** A provider that takes the header, and tells its answers apart by a name of its own. */
const byHeader = (name: string, rules: Partial<Provider> = {}): Provider => ({
  key: header,
  memoryMs: DAY_MS,
  format: upTo(255),
  answer: n => ({ id: `${name}-${n}` }),
  ...rules,
});

/** The providers of docs/providers.md, by their hosts, as their own documentation describes them. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  "api.resend.com": byHeader("resend", { format: upTo(256), onOther: 409 }),
  "api.stripe.com": byHeader("stripe", { onOther: 400 }),
  "api.novu.co": byHeader("novu", { onOther: 422 }),
  "api.knock.app": byHeader("knock", { onOther: 400 }),
  "api.courier.com": byHeader("courier"),
  "fyno.example": byHeader("fyno", { onOther: "first answer" }),
  "magicbell.example": byHeader("magicbell"),
  "api.sparkpost.com": byHeader("sparkpost", { format: /^[A-Za-z0-9._-]{1,255}$/, onOther: 409 }),
  "api.us.nylas.com": byHeader("nylas", { format: upTo(256), memoryMs: 60 * MINUTE_MS, onOther: 409 }),
  "lettermint.example": byHeader("lettermint", { onOther: 422 }),
  "api.emailit.com": byHeader("emailit", { format: /^[\w-]{1,256}$/ }),
  "usesend.example": byHeader("usesend", { onOther: 409 }),
  "api.onesignal.com": {
    key: ({ body }) => body["idempotency_key"],
    memoryMs: 30 * DAY_MS,
    format: UUID,
    answer: n => ({ id: `onesignal-${n}` }),
  },
  "hub.suprsend.com": {
    key: ({ body }) => body["$idempotency_key"],
    memoryMs: DAY_MS,
    format: upTo(255),
    onKnown: { status: "skipped" },
    answer: n => ({ status: "success", message_id: `suprsend-${n}` }),
  },
  "api.brevo.com": {
    key: ({ body }) => (body["headers"] as Record<string, unknown> | undefined)?.["idempotencyKey"],
    // The changelog says 15 minutes, the guide 30.
    memoryMs: 15 * MINUTE_MS,
    format: UUID,
    answer: n => ({ messageId: `brevo-${n}` }),
  },
  "discord.com": {
    key: ({ body }) => (body["enforce_nonce"] === true ? body["nonce"] : undefined),
    // "The past few minutes".
    memoryMs: 2 * MINUTE_MS,
    format: upTo(25),
    answer: n => ({ id: `discord-${n}` }),
  },
  "chat.googleapis.com": {
    key: ({ url }) => url.searchParams.get("requestId") ?? undefined,
    // How long is not documented.
    memoryMs: 2 * MINUTE_MS,
    answer: n => ({ name: `spaces/AAA/messages/${n}` }),
  },
  "sqs.eu-central-1.amazonaws.com": {
    key: ({ body }) => body["MessageDeduplicationId"],
    memoryMs: 5 * MINUTE_MS,
    format: upTo(128),
    onOther: "first answer",
    answer: n => ({ MessageId: `sqs-${n}` }),
  },
  "example.communication.azure.com": {
    key: ({ headers }) => headers.get("repeatability-request-id") ?? undefined,
    memoryMs: 5 * MINUTE_MS,
    format: UUID,
    onOther: 400,
    answer: n => ({ id: `azure-${n}`, status: "Running" }),
  },
  "api.sendgrid.com": { answer: () => ({}) },
  "api.twilio.com": {
    answer: n => ({ sid: `SM${n}` }),
    find: (sent, { url }) => ({
      messages: sent
        .filter(({ asked }) => asked.body["To"] === url.searchParams.get("To"))
        .map(({ asked, answer }) => ({ ...answer, body: asked.body["Body"] })),
    }),
  },
  "slack.com": {
    answer: n => ({ ok: true, ts: `170000000${n}.000100` }),
    find: (sent, { url }) => ({
      messages: sent.map(({ asked, answer }) => ({
        ts: answer["ts"],
        ...(url.searchParams.get("include_all_metadata") === "true" && { metadata: asked.body["metadata"] }),
      })),
    }),
  },
  "api.postmarkapp.com": {
    answer: n => ({ MessageID: `postmark-${n}` }),
    find(sent, { url }) {
      const found = sent.filter(({ asked }) => asked.body["Tag"] === url.searchParams.get("tag"));
      return { Messages: found.map(({ answer }) => answer) };
    },
  },
  "api.mailgun.net": {
    answer: n => ({ id: `<mailgun-${n}>` }),
    find(sent, { url }) {
      const found = sent.filter(({ asked }) => asked.body["o:tag"] === url.searchParams.get("tags"));
      return { items: found.map(({ answer }) => ({ event: "accepted", id: answer["id"] })) };
    },
  },
};
