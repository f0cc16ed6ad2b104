import type { IdempotencyStore, Seen } from "../../contract/store.ts";
import type { Item } from "./attribute.ts";
import * as changes from "./changes.ts";
import { claim } from "./claim.ts";
import { type DynamodbClient, sendingBy } from "./client.ts";
import { isExpired, isSeen, type KeptRecord, type Now, readItem, shown } from "./item.ts";
import { listRecords, purge } from "./list.ts";
import { type DynamodbStoreOptions, readDynamodbOptions } from "./options.ts";
import { MAX_OUTCOME_BYTES } from "./outcome.ts";
import { requestsTo, type Write } from "./requests.ts";
import { createTable } from "./table.ts";

/** An {@link IdempotencyStore} in a table of DynamoDB. */
export interface DynamodbStore extends IdempotencyStore {
  /**
   * Makes the table where there is none, with on-demand capacity and with DynamoDB's time to live on `purge_at`, and waits
   * until it is there. Safe to call again, and by many processes at once. Needs the rights `dynamodb:CreateTable`,
   * `DescribeTable` and `UpdateTimeToLive`.
   *
   * @throws StoreError `STORE_ERROR` where there is a table of that name with another key
   */
  createTable(): Promise<void>;
  /**
   * Removes all records past their time, and answers how many they were. It reads the whole table, which costs as much as
   * `list` does. DynamoDB's time to live does the same for nothing: this is for servers without it.
   */
  purge(): Promise<number>;
}

/**
 * A store in a table of DynamoDB: it protects all processes that share the table. A first claim and a completion are one
 * conditional write each, and so is a replay.
 *
 * DynamoDB has no clock that a condition could use, so the clocks of the processes decide: a lease or a window counts as
 * over once a clock has passed its end by `maxClockSkew`, and P1 holds while no two of the clocks are further apart. See
 * the guide to DynamoDB.
 *
 * @example
 * ```ts
 * import { DynamoDB } from "@aws-sdk/client-dynamodb";
 * import { createIdempotency } from "with-idempotency";
 * import { dynamodbStore } from "with-idempotency/dynamodb";
 *
 * const endpoint = process.env["DYNAMODB_URL"] ?? "http://127.0.0.1:8000";
 * const dynamodb = new DynamoDB({ region: "eu-central-1", endpoint });
 * const store = dynamodbStore(dynamodb, { table: "idempotency-keys" });
 * await store.createTable();
 * const { withIdempotency } = createIdempotency({ store });
 * console.log(await withIdempotency(["order-shipped", crypto.randomUUID()], "24h", () => "sent")); // → sent
 * dynamodb.destroy();
 * ```
 *
 * @param client A `DynamoDB` of `@aws-sdk/client-dynamodb`, or, with the option `commands`, a `DynamoDBClient` or a
 *   `DynamoDBDocumentClient`. It stays the caller's to destroy.
 * @throws InvalidOptionError `INVALID_OPTION`
 */
export function dynamodbStore(client: DynamodbClient, options: DynamodbStoreOptions): DynamodbStore {
  const { table, commands, skewMs, clock, onWarning } = readDynamodbOptions(options);
  const send = sendingBy(client, commands);
  const requests = requestsTo(send, table);
  const look = (): Now => {
    const time = Math.floor(clock());
    return { time, past: time - skewMs };
  };

  /** Whether it is done, or else what stands there, which says whether it was done already. */
  const change = async (
    write: (now: Now) => Write,
    wasDone: (met: KeptRecord | undefined, resent: boolean) => boolean,
  ): Promise<boolean> => {
    const now = look();
    const written = await requests.write(write(now));
    return written.done || wasDone(live(written.met, now), written.resent);
  };

  return {
    maxOutcomeBytes: MAX_OUTCOME_BYTES,
    claim: (key, request) => claim(requests, key, request, skewMs, look),
    renew(key, token, leaseMs) {
      // S5: a later renewal landed first. The key is held all the same.
      const wasDone = (met: KeptRecord | undefined) =>
        leaseMs > 0 && met?.state === "held" && met.token === token;
      return change(now => changes.renewal(key, token, leaseMs, now), wasDone);
    },
    complete(key, token, outcome, ttlMs) {
      const write = (now: Now) => changes.completion(key, token, { outcome, ttlMs, skewMs }, now);
      // S5: a holder that completed it already is answered yes again.
      return change(write, met => met?.state === "completed" && met.token === token);
    },
    release(key, token) {
      // The client sent it again by itself, since the first reply was lost.
      const wasDone = (met: KeptRecord | undefined, resent: boolean) =>
        resent && met?.state === "released" && met.releasedBy === token;
      return change(now => changes.release(key, token, now), wasDone);
    },
    async read(key) {
      const item = await requests.read(key);
      const now = look();
      const record = live(item, now);
      return record && shown(record, now);
    },
    settle(key, outcome, ttlMs, seen) {
      const write = (now: Now) => changes.settlement(key, { outcome, ttlMs, skewMs }, seen, now);
      return change(write, met => isSettledSo(met, outcome, seen));
    },
    reopen(key, seen) {
      // S11: sent again, it is answered yes while that claim is released.
      const wasDone = (met: KeptRecord | undefined) =>
        seen !== undefined && met?.state === "released" && isSeen(met, seen);
      return change(now => changes.reopening(key, seen, now), wasDone);
    },
    forget(key, seen) {
      // S11: true if the claim is gone, no matter who removed it; a later claim stays.
      return change(
        now => changes.removal(key, seen, now),
        (met, resent) => met === undefined && (seen !== undefined || resent),
      );
    },
    list: query => listRecords(requests, query, look),
    createTable: () => createTable(send, table, onWarning),
    purge: () => purge(requests, look),
  };
}

/** S3: the record of an item that is not past its time. Throws `RESULT_UNAVAILABLE` where it cannot be read. */
function live(item: Item | undefined, { past }: Now): KeptRecord | undefined {
  return item === undefined || isExpired(item, past) ? undefined : readItem(item);
}

/** S11: whether it was settled from outside already, with that outcome. */
function isSettledSo(met: KeptRecord | undefined, outcome: string, seen: Seen | undefined): boolean {
  return (
    met?.state === "completed" && met.token === undefined && met.outcome === outcome && isSeen(met, seen)
  );
}
