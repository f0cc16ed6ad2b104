import { DynamoDB } from "@aws-sdk/client-dynamodb";
import type * as DynamodbEntry from "with-idempotency/dynamodb";
import { startDynalite } from "../test/support/servers/dynamodb.ts";
import { keyOf, library, TTL, TTL_MS, tokenOf } from "./library.ts";
import { compare, report } from "./measure.ts";
import { crowds, IN_FLIGHT, inFlight, oneByOne, row, send, text } from "./stores.ts";

process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
const built = new URL("../dist/dynamodb.js", import.meta.url).href;
const { dynamodbStore }: typeof DynamodbEntry = await import(built);

let fresh = 0;
let replayed = 0;
const server = await startDynalite();
const clients: DynamoDB[] = [];
function clientOf(): DynamoDB {
  const client = new DynamoDB({
    endpoint: server.url,
    region: "eu-central-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: IN_FLIGHT } },
  });
  clients.push(client);
  return client;
}

const client = clientOf();
const storeOf = (by: DynamoDB, table = "idempotency_keys") => dynamodbStore(by, { table, onWarning() {} });
const { withIdempotency } = library.createIdempotency({ store: storeOf(client) });

const TableName = "raw";
const names = { "#key": "key" };

/** What a careful hand writes: a claim that nobody else can make. False if there is one. */
async function rawClaim(key: string, token: string): Promise<boolean> {
  const until = { N: `${Date.now() + TTL_MS}` };
  const Item = {
    key: { S: key },
    token: { S: token },
    run_id: { S: key },
    version: { N: "2" },
    attempt: { N: "1" },
    ttl_ms: { N: `${TTL_MS}` },
    claimed_at: until,
    lease_until: until,
    expires_at: until,
    purge_at: until,
  };
  const ConditionExpression = "attribute_not_exists(#key)";
  try {
    await client.putItem({ TableName, Item, ConditionExpression, ExpressionAttributeNames: names });
    return true;
  } catch (error) {
    if ((error as Error).name === "ConditionalCheckFailedException") return false;
    throw error;
  }
}

/** And a fenced completion. */
async function rawFirst(key = keyOf(fresh++)): Promise<void> {
  const token = tokenOf();
  await rawClaim(key, token);
  await client.updateItem({
    TableName,
    Key: { key: { S: key } },
    UpdateExpression: "SET outcome = :outcome, expires_at = :until",
    ConditionExpression: "#token = :token",
    ExpressionAttributeNames: { "#token": "token" },
    ExpressionAttributeValues: {
      ":outcome": { S: text },
      ":until": { N: `${Date.now() + TTL_MS}` },
      ":token": { S: token },
    },
  });
}

/** Two requests, since dynalite does not return the item with the failed condition. */
async function rawReplay(): Promise<unknown> {
  const key = `replayed:${replayed++ % IN_FLIGHT}`;
  await rawClaim(key, tokenOf());
  const { Item } = await client.getItem({ TableName, Key: { key: { S: key } }, ConsistentRead: true });
  return JSON.parse(Item?.["outcome"]?.S ?? "");
}

const ourFirst = () => withIdempotency(keyOf(fresh++), TTL, send);
// As many keys as calls in flight: calls with one key are shared within a process.
const ourReplay = () => withIdempotency(`replayed:${replayed++ % IN_FLIGHT}`, TTL, send);

const both = (how: typeof inFlight, raw: () => Promise<unknown>, ours: () => Promise<unknown>) =>
  compare([how("AWS SDK", raw), how("with-idempotency", ours)]);

try {
  for (const table of ["raw", "idempotency_keys"]) await storeOf(client, table).createTable();
  for (let n = 0; n < IN_FLIGHT; n++) {
    await ourReplay();
    await rawFirst(`replayed:${n}`);
  }
  const replay = await both(oneByOne, rawReplay, ourReplay);
  const first = await both(oneByOne, () => rawFirst(), ourFirst);
  const firsts = await both(inFlight, () => rawFirst(), ourFirst);
  const stores = Array.from({ length: 4 }, () => storeOf(clientOf()));
  report({
    rows: [
      row("dynalite: first execution, one at a time", first, "≤ 1.3 ×"),
      row("dynalite: replay, one at a time", replay, "≤ 1.3 ×"),
      row(`dynalite: first execution, ${IN_FLIGHT} in flight`, firsts, "≥ 0.8 ×", false),
      await crowds("dynalite", stores, "≤ 3 ×"),
    ],
  });
} finally {
  for (const each of clients) each.destroy();
  await server.stop();
}
