import { isConditionFailed, isDenied, isKeyMismatch, isNoTable } from "../../stores/dynamodb/failures.ts";
import { keyFault, TTL_ATTRIBUTE } from "../../stores/dynamodb/table.ts";
import { RECORD_VERSION } from "../../stores/shared/record.ts";
import type { Anything } from "../addresses/client.ts";
import { examined, type Finding, note, ok, problem, unknown } from "./finding.ts";

/** What docs/dynamodb.md asks of a table, and of this machine's clock. */
export async function examineDynamodb(
  client: Anything,
  table: string,
  clock: () => number | undefined,
): Promise<readonly Finding[]> {
  const [made, isThere] = await examineTable(client, table);
  if (!isThere) return [...made, clockFinding(clock())];
  const looks = [
    await examined("time to live", () => timeToLive(client, table)),
    await examined("rights", () => rights(client, table)),
    await examined("records", () => versions(client, table)),
  ];
  return [...made, ...looks.flat(), clockFinding(clock())];
}

const MAKE = "Call the store's createTable(), or make it as the guide to DynamoDB shows";

async function examineTable(client: Anything, table: string): Promise<[readonly Finding[], boolean]> {
  try {
    const { Table } = await client.describeTable({ TableName: table });
    return [tableFindings(Table, table), true];
  } catch (error) {
    if (isNoTable(error)) {
      const where = `there is no table ${table} in this Region and account`;
      return [[problem("table", where, `${MAKE}; or name the right one by --table`)], false];
    }
    if (!isDenied(error)) return [await examined("table", () => Promise.reject(error)), false];
    const why = "this user may not do dynamodb:DescribeTable, which only doctor and createTable() need";
    return [[unknown("table", why)], true];
  }
}

/** What is known of a table by its description. */
export function tableFindings(described: Anything, table: string): readonly Finding[] {
  const { TableStatus, Replicas = [], BillingModeSummary, MultiRegionConsistency } = described;
  const fault = keyFault(described);
  const form =
    fault === undefined
      ? ok("table", `${table} has the key of the store, and is ${TableStatus}`)
      : problem(
          "table",
          `${table} has another key than the store's: expected key (HASH, S) alone; got ${fault}`,
          `Give the store a table of its own. ${MAKE}`,
        );
  const replicated = note(
    "replicas",
    "a global table: of two Regions that take writes, each may claim a key",
    "Let one Region take all the store's writes of a key",
  );
  const provisioned = note(
    "capacity",
    "provisioned: what goes beyond it is throttled, and a claim that is fails with STORE_ERROR",
  );
  const isEventual = Replicas.length > 0 && MultiRegionConsistency !== "STRONG";
  const isOnDemand = BillingModeSummary?.BillingMode === "PAY_PER_REQUEST";
  return [form, ...(isEventual ? [replicated] : []), ...(isOnDemand ? [] : [provisioned])];
}

async function timeToLive(client: Anything, table: string): Promise<Finding> {
  const { TimeToLiveDescription } = await client.describeTimeToLive({ TableName: table });
  const { TimeToLiveStatus, AttributeName } = TimeToLiveDescription ?? {};
  const isOn = /^ENABL/.test(TimeToLiveStatus);
  if (isOn && AttributeName === TTL_ATTRIBUTE) return ok("time to live", `on, by ${TTL_ATTRIBUTE}`);
  const enable = `aws dynamodb update-time-to-live --table-name ${table} --time-to-live-specification Enabled=true,AttributeName=${TTL_ATTRIBUTE}`;
  if (isOn) {
    const found = `on, by ${AttributeName}, which the store does not set: nothing is ever removed`;
    return problem("time to live", found, `Turn it off, wait for an hour, and then: ${enable}`);
  }
  return problem("time to live", "off: records past their time stay, and are paid for", enable);
}

// It can hold for no item.
const NEVER = {
  ConditionExpression: "attribute_exists(#key) AND attribute_not_exists(#key)",
  ExpressionAttributeNames: { "#key": "key" },
};

/** Tries each right on no item. */
async function rights(client: Anything, table: string): Promise<Finding> {
  const Key = { key: { S: "with-idempotency doctor" } };
  const tries: Record<string, () => Promise<unknown>> = {
    GetItem: () => client.getItem({ TableName: table, Key }),
    PutItem: () => client.putItem({ TableName: table, Item: Key, ...NEVER }),
    UpdateItem: () => client.updateItem({ TableName: table, Key, ...NEVER }),
    DeleteItem: () => client.deleteItem({ TableName: table, Key, ...NEVER }),
    Scan: () => client.scan({ TableName: table, Limit: 1 }),
  };
  const lacking: string[] = [];
  for (const [right, act] of Object.entries(tries)) {
    await act().catch(error => {
      if (isDenied(error)) lacking.push(right);
      else if (!isConditionFailed(error) && !isKeyMismatch(error)) throw error;
    });
  }
  if (lacking.length === 0) return ok("rights", Object.keys(tries).join(", "));
  const list = lacking.map(right => `dynamodb:${right}`).join(", ");
  const only = lacking.join() === "Scan" ? ", which only `list` and `purge` need" : "";
  return problem("rights", `this user lacks ${list} on ${table}${only}`, `Allow ${list} in its policy`);
}

const LOOKED_AT = 200;

/** Of some: to read all of them costs as much as a listing. */
async function versions(client: Anything, table: string): Promise<Finding> {
  const { ScannedCount, Count } = await client.scan({
    TableName: table,
    Limit: LOOKED_AT,
    FilterExpression: "NOT #version = :version",
    ExpressionAttributeNames: { "#version": "version" },
    ExpressionAttributeValues: { ":version": { N: `${RECORD_VERSION}` } },
  });
  const among = `of the first ${ScannedCount} that were looked at`;
  if (Count === 0) return ok("records", `all ${among} are of this version`);
  return problem(
    "records",
    `${Count} ${among} are of another version of the package, or of another program: calls with their keys get RESULT_UNAVAILABLE`,
    "Run one version on all machines, and forget those keys, or wait until they have expired",
  );
}

/**
 * Looks at the clock in the server's replies, which counts whole seconds. Answers with how many milliseconds this machine's
 * is ahead of it at least, or behind it, after a reply.
 */
export function watchClock(client: Anything): () => number | undefined {
  let aheadMs: number | undefined;
  const look = (next: Anything) => async (args: unknown) => {
    const before = Date.now();
    const result = await next(args);
    const after = Date.now();
    const theirs = Date.parse(result.response?.headers?.date);
    if (!Number.isNaN(theirs)) aheadMs = Math.max(0, before - theirs - 999) + Math.min(0, after - theirs);
    return result;
  };
  client.middlewareStack.add(look, { step: "deserialize", priority: "low" });
  return () => aheadMs;
}

const TOLERANCE_MS = 1_000;
const DEFAULT_SKEW_MS = 5_000;
const KEEP = "Keep the clocks of all machines by NTP, such as chrony with the Amazon Time Sync Service";

/** S9: the clocks of the machines decide, and each that agrees with the server's agrees with the others. */
export function clockFinding(aheadMs: number | undefined): Finding {
  if (aheadMs === undefined) return unknown("clock", "the server does not say what time it is");
  const off = Math.abs(aheadMs);
  if (off <= TOLERANCE_MS) return ok("clock", "this machine's clock and the server's agree");
  const found = `this machine's clock is ${(off / 1_000).toFixed(1)} s ${aheadMs > 0 ? "ahead of" : "behind"} the server's`;
  if (off < DEFAULT_SKEW_MS / 2) return note("clock", `${found}, which a maxClockSkew of 5 s covers`, KEEP);
  return problem(
    "clock",
    `${found}: with another that is off the other way they may be further apart than maxClockSkew`,
    `${KEEP}; or give all stores a larger maxClockSkew`,
  );
}
