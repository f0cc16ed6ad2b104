import { expect, test } from "vitest";
import { createReconciler } from "../../../examples/order-emails/reconcile.ts";
import { emails, messageIdOf, TTL } from "../../../examples/order-emails/with-wrapper.ts";

async function interrupt(key: string): Promise<string> {
  let messageId = "";
  const sending = emails.withIdempotency(key, TTL, ({ idempotencyKey }) => {
    messageId = messageIdOf(idempotencyKey);
    throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  });
  await expect(sending).rejects.toThrow("socket hang up");
  await expect(emails.withIdempotency(key, TTL, () => ({ messageId: "again" }))).rejects.toMatchObject({
    code: "OUTCOME_UNKNOWN",
  });
  return messageId;
}

test("an email that has arrived becomes the key's result, and one that has not is sent by the next call", async () => {
  const messageId = await interrupt("arrived");
  await interrupt("absent");
  const { reconcile, reconciled } = createReconciler(async sought => sought === messageId);
  await reconcile();
  expect(reconciled).toEqual({ found: 1, absent: 1 });
  const answer = await emails.withIdempotency("arrived", TTL, () => ({ messageId: "again" }));
  expect(answer).toEqual({ messageId });
  expect(await emails.withIdempotency("absent", TTL, () => "sent")).toBe("sent");
});

test("calls for one key at once look once, and none of them frees the key while it is sent again", async () => {
  await interrupt("burst");
  let looks = 0;
  const { reconcile, reconciled } = createReconciler(async () => {
    looks += 1;
    return false;
  });
  let runs = 0;
  const sendAgain = () =>
    emails.withIdempotency("burst", TTL, async () => {
      runs += 1;
      await Promise.resolve();
      return "sent";
    });
  const answers = await Promise.all([1, 2, 3].map(() => reconcile().then(sendAgain)));
  expect(answers).toEqual(["sent", "sent", "sent"]);
  expect({ looks, runs, ...reconciled }).toEqual({ looks: 1, runs: 1, found: 0, absent: 1 });
});

test("a look that fails leaves the key uncertain, and the next one settles it", async () => {
  await interrupt("unseen");
  let looks = 0;
  const { reconcile } = createReconciler(async () => {
    looks += 1;
    if (looks === 1) throw new Error("mailbox closed");
    return true;
  });
  await reconcile();
  expect(await emails.inspect("unseen")).toMatchObject({ state: "uncertain" });
  await reconcile();
  expect(await emails.inspect("unseen")).toMatchObject({ state: "completed" });
});
