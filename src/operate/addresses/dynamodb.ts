import { type Duration, readDuration } from "../../contract/duration.ts";
import { isDenied, isNoTable } from "../../stores/dynamodb/failures.ts";
import { readTable } from "../../stores/dynamodb/options.ts";
import { dynamodbStore } from "../../stores/dynamodb/store.ts";
import { messageOf } from "../command/failure.ts";
import { examineDynamodb, watchClock } from "../doctor/dynamodb.ts";
import type { Address, OpenedStore } from "./address.ts";
import { type Anything, loadClient } from "./client.ts";

const ANSWER_MS = 5_000;

export const DYNAMODB: Address = {
  value: "REGION",
  summary: "a table of DynamoDB in that Region: eu-central-1; the account is that of the environment",
  clients: ["@aws-sdk/client-dynamodb"],
  takes: ["table", "endpoint", "max-clock-skew"],
  async open(
    region,
    { table = "idempotency_keys", endpoint, "max-clock-skew": skew = "5s" },
    io,
  ): Promise<OpenedStore> {
    readTable(table);
    readDuration(skew, { name: "--max-clock-skew", minMs: 0 });
    const { exports } = await loadClient(io, DYNAMODB.clients);
    const requestHandler = {
      connectionTimeout: ANSWER_MS,
      requestTimeout: ANSWER_MS,
      // By itself the SDK warns, and goes on waiting.
      throwOnRequestTimeout: true,
    };
    const client = new exports.DynamoDB({
      region,
      maxAttempts: 2,
      requestHandler,
      ...(endpoint !== undefined && { endpoint }),
    });
    const clock = watchClock(client);
    try {
      await reach(client, table);
    } catch (error) {
      client.destroy();
      throw new Error(`no connection to DynamoDB: ${messageOf(error)}`);
    }
    const store = dynamodbStore(client, { table, maxClockSkew: skew as Duration, onWarning() {} });
    return {
      store: () => store,
      purge: () => store.purge(),
      examine: () => examineDynamodb(client, table, clock),
      close: async () => client.destroy(),
    };
  },
};

/** That there is no such table, or that this user may not ask about it, is an answer. */
async function reach(client: Anything, table: string): Promise<void> {
  try {
    await client.describeTable({ TableName: table });
  } catch (error) {
    if (!isNoTable(error) && !isDenied(error)) throw error;
  }
}
