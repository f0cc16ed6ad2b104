// Sends a campaign: goes through all users until each has a message. Killed at any moment and started again, it goes on.
import { setTimeout as sleep } from "node:timers/promises";
import { certainlyNotDone, createIdempotency, isIdempotencyError } from "with-idempotency";
import { reconcile } from "with-idempotency/reconcile";
import { createClient } from "./client.ts";
import type { Assignment, Report } from "./fleet.ts";
import { OPEN } from "./stores.ts";
import { readUsers, type User } from "./users.ts";

const TTL = "24h";
// Short, so that a run is: a killed worker's users are uncertain after it.
const LEASE_MS = 3_000;
const MAX_PASSES = 20;
const REPORT_MS = 100;

const { campaign, users, batch, store, address, providerUrl } = JSON.parse(process.argv[2]!) as Assignment;
const client = createClient(providerUrl);
const emails = createIdempotency({
  namespace: "campaign",
  store: await OPEN[store](address),
  lease: { milliseconds: LEASE_MS },
});

const report = (what: Report) => new Promise(resolve => process.send!(what, resolve));

/** What one pass through all users came to. */
interface Pass {
  rejected: number;
  /** Of those, users whose claim another worker made, which may be dead. */
  held: number;
}

/** Sends to each user whom no earlier pass has sent to. */
async function sendToAll(): Promise<Pass> {
  const pass: Pass = { rejected: 0, held: 0 };
  let replayed = 0;
  let reportedAt = 0;

  const outcomes = emails.executeMany(
    readUsers(users),
    {
      key: (user: User) => [campaign, user.id],
      fingerprint: user => user.email,
      ttl: TTL,
      batchSize: batch,
      // A later pass comes back to them.
      onConflict: "reject",
      // Of 500, 503 and a lost connection nobody knows what they left behind.
      onError: error => (certainlyNotDone(error) ? "release" : "hold"),
    },
    (batch, { idempotencyKey, idempotencyKeys }) =>
      client.sendBatch(
        batch.map(({ email }, n) => ({ to: email, subject: "News", reference: idempotencyKeys[n]! })),
        idempotencyKey,
      ),
  );
  for await (const outcome of outcomes) {
    if (outcome.status === "rejected") {
      pass.rejected += 1;
      if (isIdempotencyError(outcome.reason, "IN_PROGRESS")) pass.held += 1;
    } else if (outcome.replayed) replayed += 1;
    if (performance.now() - reportedAt < REPORT_MS) continue;
    reportedAt = performance.now();
    await report({ replayed });
  }
  await report({ replayed });
  return pass;
}

/** Asks the provider about the users of whom nobody knows whether they have their message. */
async function settle(): Promise<void> {
  const { resolved, reopened } = await reconcile(emails, {
    ttl: TTL,
    // This provider shows a message before it can lose touch; where that takes a while, leave the default of a minute.
    olderThan: "0s",
    concurrency: 16,
    async find({ idempotencyKey }) {
      return (await client.wasSent(idempotencyKey))
        ? { happened: true, value: idempotencyKey }
        : { happened: false };
    },
  });
  await report({ found: resolved, absent: reopened });
}

// It ends with the process that started it, however that one ends.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

for (let passes = 1; ; passes += 1) {
  const { rejected, held } = await sendToAll();
  if (rejected === 0) break;
  if (passes === MAX_PASSES) throw new Error(`${rejected} users are left after ${passes} passes`);
  // Until the claims of a worker that was killed have lapsed.
  if (held > 0) await sleep(LEASE_MS);
  await settle();
}
process.exit();
