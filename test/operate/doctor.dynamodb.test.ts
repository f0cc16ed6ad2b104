import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { dynamodbStore } from "../../src/dynamodb.ts";
import { createIdempotency } from "../../src/index.ts";
import { clockFinding, examineDynamodb, tableFindings } from "../../src/operate/doctor/dynamodb.ts";
import { dynamodb, newName } from "../stores/dynamodb/clients.ts";
import { type Front, failure, startFront } from "../stores/dynamodb/front.ts";
import { command, linesOf } from "./command.ts";

describe("doctor on DynamoDB", () => {
  let front: Front;
  let client: ReturnType<typeof dynamodb>;
  let table: string;
  beforeAll(async () => {
    front = await startFront(inject("dynamodbUrl"));
    client = dynamodb(front.url);
  });
  afterAll(async () => {
    client.destroy();
    await front.stop();
  });
  beforeEach(() => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    table = newName("doctor");
  });
  afterEach(() => {
    front.onRequest = () => undefined;
    front.aheadMs = 0;
  });

  const doctor = async () => {
    const args = ["doctor", "--dynamodb", "eu-central-1", "--endpoint", front.url, "--table", table];
    const ended = await command(args);
    const findings = linesOf(ended);
    return { ...ended, findings, problems: findings.filter(({ status }) => status === "problem") };
  };
  const make = () => dynamodbStore(client, { table }).createTable();
  const makeOther = (name: string, type: "S" | "N") =>
    client.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: name, KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: name, AttributeType: type }],
    });

  it("finds nothing to mend of a table as the guide asks for, and leaves nothing there", async () => {
    await make();
    const { findings, code } = await doctor();
    expect(code).toBe(0);
    expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
      "table ok",
      "time to live ok",
      "rights ok",
      "records ok",
      "clock ok",
    ]);
    expect((await client.scan({ TableName: table })).Count).toBe(0);
  });

  it("finds that there is no table, and does not make one", async () => {
    for (let n = 0; n < 2; n++) {
      const { code, problems } = await doctor();
      expect(code).toBe(1);
      expect(problems).toMatchObject([{ check: "table", mend: expect.stringContaining("createTable()") }]);
    }
  });

  it.each([
    ["id", "S", "got id (HASH, S)"],
    ["key", "N", "got key (HASH, N)"],
  ] as const)("finds another key: %s of type %s", async (name, type, found) => {
    await makeOther(name, type);
    const { problems } = await doctor();
    expect(problems).toContainEqual(
      expect.objectContaining({ check: "table", found: expect.stringContaining(found) }),
    );
  });

  it("finds that the time to live is off, or by another attribute", async () => {
    await makeOther("key", "S");
    expect((await doctor()).problems).toMatchObject([
      { check: "time to live", found: expect.stringContaining("off") },
    ]);
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "expires_at" };
    await client.updateTimeToLive({ TableName: table, TimeToLiveSpecification });
    expect((await doctor()).problems).toMatchObject([
      { check: "time to live", found: expect.stringContaining("by expires_at") },
    ]);
  });

  it("counts the records of another version among some", async () => {
    await make();
    const { withIdempotency } = createIdempotency({ store: dynamodbStore(client, { table }) });
    await withIdempotency("k", "1m", () => 1);
    const { Item } = await client.getItem({ TableName: table, Key: { key: { S: "k" } } });
    await client.putItem({ TableName: table, Item: { ...Item, version: { N: "3" } } });
    await client.putItem({ TableName: table, Item: { key: { S: "theirs" } } });
    expect((await doctor()).problems).toMatchObject([
      { check: "records", found: expect.stringContaining("2 of the first 2") },
    ]);
  });

  it("finds which rights are lacking", async () => {
    await make();
    const denied = new Set(["UpdateItem", "Scan"]);
    front.onRequest = ({ operation }) =>
      denied.has(operation) ? failure("AccessDeniedException", "not authorized") : undefined;
    const { problems } = await doctor();
    const mend = "Allow dynamodb:UpdateItem, dynamodb:Scan in its policy";
    expect(problems).toMatchObject([{ check: "rights", mend }]);
    denied.delete("UpdateItem");
    expect((await doctor()).problems).toMatchObject([
      { check: "rights", found: expect.stringContaining("which only `list` and `purge` need") },
    ]);
  });

  it("goes on where the user may not have the table described", async () => {
    await make();
    front.onRequest = ({ operation }) =>
      operation === "DescribeTable" ? failure("AccessDeniedException", "not authorized") : undefined;
    const { findings, problems } = await doctor();
    expect(problems).toEqual([]);
    expect(findings).toMatchObject([{ check: "table", status: "unknown" }, {}, { check: "rights" }, {}, {}]);
  });

  it.each([
    [60_000, "behind"],
    [-60_000, "ahead of"],
  ])("finds that the server's clock is ahead by %i ms", async (aheadMs, where) => {
    await make();
    front.aheadMs = aheadMs;
    const { problems } = await doctor();
    expect(problems).toMatchObject([{ check: "clock", found: expect.stringContaining(where) }]);
  });

  it("tells what it cannot learn from what is wrong", async () => {
    front.onRequest = () => failure("InternalServerError", "no", 500);
    const once = dynamodb(front.url, { maxAttempts: 1 });
    for (const { status } of await examineDynamodb(once, table, () => undefined)) {
      expect(status).toBe("unknown");
    }
    once.destroy();
  });
});

describe("what a table's description comes to", () => {
  const good = {
    TableStatus: "ACTIVE",
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
  };
  const found = (change: object) =>
    tableFindings({ ...good, ...change }, "t").map(({ check, status }) => `${check} ${status}`);

  it.each([
    [{}, ["table ok"]],
    [{ Replicas: [{ RegionName: "us-east-1" }] }, ["table ok", "replicas note"]],
    [{ Replicas: [{}], MultiRegionConsistency: "STRONG" }, ["table ok"]],
    [{ BillingModeSummary: undefined }, ["table ok", "capacity note"]],
    [{ KeySchema: [] }, ["table problem"]],
  ])("%j: %j", (change, findings) => {
    expect(found(change)).toEqual(findings);
  });

  it.each([
    [undefined, "unknown"],
    [0, "ok"],
    [-900, "ok"],
    [2_000, "note"],
    [-2_000, "note"],
    [3_000, "problem"],
    [-90_000, "problem"],
  ])("a clock that is ahead by %s ms: %s", (aheadMs, status) => {
    expect(clockFinding(aheadMs)).toMatchObject({ check: "clock", status });
  });
});
