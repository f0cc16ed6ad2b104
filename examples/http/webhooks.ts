import { createHmac, timingSafeEqual } from "node:crypto";
import { createIdempotency } from "with-idempotency";
import { idempotentHandler } from "with-idempotency/http";

export const SECRET = Buffer.from("YSBzZWNyZXQgb2YgdHdvIA==", "base64"); // from your configuration

const handleEvent = idempotentHandler(
  async request => new Response(`handled ${(await request.json()).type}`),
  {
    // At once, because senders wait for seconds only. Give it a store that all of your processes share.
    idempotency: createIdempotency({ namespace: "webhooks", onConflict: "reject" }),
    ttl: "24h",
    scope: () => "billing", // the sender, which the signature proves
    required: true,
  },
);

export async function receive(request: Request): Promise<Response> {
  if (!(await isSigned(request.clone()))) return new Response(null, { status: 401 });
  const headers = new Headers(request.headers);
  headers.set("Idempotency-Key", request.headers.get("webhook-id") ?? "");
  return handleEvent(new Request(request, { headers }));
}

/** A signature as Standard Webhooks has it. Each delivery of an event has a time and a signature of its own, and one id. */
async function isSigned(request: Request): Promise<boolean> {
  const header = (name: string) => request.headers.get(`webhook-${name}`) ?? "";
  const signed = `${header("id")}.${header("timestamp")}.${await request.text()}`;
  const expected = Buffer.from(`v1,${createHmac("sha256", SECRET).update(signed).digest("base64")}`);
  const isFresh = Math.abs(Date.now() / 1_000 - Number(header("timestamp"))) < 300;
  const signatures = header("signature")
    .split(" ")
    .map(text => Buffer.from(text, "latin1"));
  return (
    isFresh && signatures.some(each => each.length === expected.length && timingSafeEqual(each, expected))
  );
}
