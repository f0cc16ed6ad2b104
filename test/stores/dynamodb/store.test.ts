import type { DynamoDB, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import * as commands from "@aws-sdk/client-dynamodb";
import type { DynamoDBDocument, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { dynamodbStore } from "../../../src/dynamodb.ts";
import { createIdempotency } from "../../../src/index.ts";
import type { DynamodbClient, DynamodbCommands } from "../../../src/stores/dynamodb/client.ts";
import { caught } from "../../support/caught.ts";
import { newName } from "./clients.ts";
import { type Front, failure, startFront } from "./front.ts";
import { dynamodbScene, LONG, newKey, RERUN, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
let front: Front;
let behind: DynamoDB;

beforeAll(async () => {
  front = await startFront(inject("dynamodbUrl"));
  behind = scene.another({ endpoint: front.url });
});

afterAll(() => front.stop());

beforeEach(() => {
  front.onRequest = () => undefined;
  front.returnsItems = true;
  front.asked.length = 0;
});

const operations = () => front.asked.map(({ operation }) => operation);

describe("the types of the SDK's clients", () => {
  it("are those of the store", () => {
    const take = (_client: DynamodbClient, _commands?: DynamodbCommands) => {};
    const never = () => {
      take({} as DynamoDB);
      take({} as DynamoDBClient, commands);
      take({} as DynamoDBDocumentClient, commands);
      take({} as DynamoDBDocument, commands);
    };
    expect(never).toBeTypeOf("function");
  });
});

describe("requests", () => {
  it("are two for a first execution, and one for a replay, which writes nothing", async () => {
    const { execute } = createIdempotency({ store: scene.store({}, behind) });
    const key = newKey();
    expect(await execute(key, "1m", () => "sent")).toMatchObject({ persisted: true });
    expect(operations()).toEqual(["PutItem", "UpdateItem"]);
    const before = await scene.item(key);
    front.asked.length = 0;
    expect(await execute(key, "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
    expect(operations()).toEqual(["PutItem"]);
    expect(await scene.item(key)).toEqual(before);
  });

  it("are two for a replay, of a server that does not return the item", async () => {
    const { execute } = createIdempotency({ store: scene.store({}, behind) });
    const key = newKey();
    await execute(key, "1m", () => "sent");
    front.asked.length = 0;
    front.returnsItems = false;
    expect(await execute(key, "1m", () => "again")).toMatchObject({ value: "sent", replayed: true });
    expect(front.asked).toMatchObject([
      { operation: "PutItem" },
      { operation: "GetItem", input: { ConsistentRead: true } },
    ]);
  });

  it("are two for a takeover, and one for whoever is refused", async () => {
    const store = scene.store({}, behind);
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    front.asked.length = 0;
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ status: "in-progress" });
    expect(operations()).toEqual(["PutItem"]);
    await store.renew(key, "a", 0);
    front.asked.length = 0;
    expect(await store.claim(key, { token: "b", ...RERUN })).toMatchObject({ takeover: true });
    expect(operations()).toEqual(["PutItem", "PutItem"]);
  });

  it("hold what a key, a token and a result say as values, not in expressions", async () => {
    const store = scene.store({}, behind);
    const evil = "#key = :past OR attribute_exists(#key)";
    await store.claim(evil, { token: evil, fingerprint: evil, ...LONG });
    await store.complete(evil, evil, evil, LONG.ttlMs);
    expect(await store.read(evil)).toMatchObject({ outcome: evil, fingerprint: evil, runId: evil });
    for (const { input } of front.asked) {
      expect(String(input["ConditionExpression"]) + input["UpdateExpression"]).not.toContain(evil);
    }
  });
});

describe("an item", () => {
  it("is gone by DynamoDB's own clock an hour after its time, in seconds, whatever became of it", async () => {
    let now = 1_800_000_000_500;
    const store = scene.store({ clock: () => now, maxClockSkew: "10s" });
    const key = newKey();
    const isKept = async (fromMs: number, ttlMs: number) => {
      const { purge_at, expires_at } = (await scene.item(key)) as Record<string, { N: string }>;
      expect(Number(expires_at!.N)).toBe(fromMs + ttlMs);
      expect(Number(purge_at!.N)).toBe(Math.ceil(fromMs / 1_000) + ttlMs / 1_000 + 20 + 3_600);
    };
    await store.claim(key, { token: "a", ...LONG });
    await isKept(now + 30_000, 60_000);
    now += 7_000;
    await store.renew(key, "a", 20_000);
    await isKept(now + 20_000, 60_000);
    await store.renew(key, "a", 0);
    await isKept(now, 60_000);
    now += 7_000;
    await store.reopen(key);
    await isKept(now, 60_000);
    await store.claim(key, { token: "b", ttlMs: 5_000, leaseMs: 2_000 });
    await isKept(now + 2_000, 5_000);
    await store.release(key, "b");
    await isKept(now, 5_000);
    await store.claim(key, { token: "c", ...LONG });
    now += 7_000;
    await store.complete(key, "c", "sent", 3_000);
    await isKept(now, 3_000);
  });

  it("shows a plain result as text", async () => {
    const { execute } = createIdempotency({ store: scene.store() });
    const key = newKey();
    await execute(key, "1m", () => ({ id: 7 }));
    expect(await scene.item(key)).toMatchObject({ state: { S: "completed" }, outcome: { S: '{"id":7}' } });
  });

  it("has room for the longest key and the largest result", async () => {
    const store = scene.store();
    const key = "\u{10ffff}".repeat(150);
    const token = "t".repeat(100);
    await store.claim(key, { token, fingerprint: "f".repeat(100), ...LONG });
    const outcome = "😀".repeat(store.maxOutcomeBytes! / 4);
    expect(await store.complete(key, token, outcome, LONG.ttlMs)).toBe(true);
    expect(await store.read(key)).toMatchObject({ outcome });
    await store.forget(key);
  });

  it("of which the result is larger than 350 KB is completed without it, and nothing runs again", async () => {
    const { execute } = createIdempotency({ store: scene.store() });
    const key = newKey();
    const fn = vi.fn(() => "x".repeat(350 * 1_024));
    expect(await execute(key, "1m", fn)).toMatchObject({ persisted: false });
    await expect(execute(key, "1m", fn)).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(fn).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["of a later version", { version: { N: "3" } }, "its version is 3"],
    ["without a version", { version: { S: "?" } }, "its version is no whole number"],
    ["in a state of nobody's", { state: { S: "lost" } }, "its state is none"],
    ["whose attempt is no number", { attempt: { N: "1.5" } }, "its attempt is no whole number"],
    ["whose runId is no text", { run_id: { N: "1" } }, "its run_id is no text"],
    ["whose result is neither text nor bytes", { state: { S: "completed" } }, "its outcome is neither"],
  ] as const)("%s is an error and never absent, until it is forgotten", async (_, change, why) => {
    const store = scene.store();
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    await scene.change(key, change as never);
    const unreadable = { code: "RESULT_UNAVAILABLE", message: expect.stringContaining(why) };
    await expect(store.claim(key, { token: "b", ...RERUN })).rejects.toMatchObject(unreadable);
    await expect(store.read(key)).rejects.toMatchObject(unreadable);
    const fn = vi.fn();
    const { execute } = createIdempotency({ store });
    await expect(execute(key, "1m", fn)).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
    expect(fn).not.toHaveBeenCalled();
    for await (const listed of store.list!({ prefix: key, status: "completed" })) expect(listed).toBe("none");
    expect(await store.forget(key)).toBe(true);
    expect(await store.claim(key, { token: "b", ...LONG })).toMatchObject({ attempt: 1, runId: "b" });
  });

  it("of another program, which never expires, is no free key", async () => {
    const key = newKey();
    await scene.client.putItem({ TableName: scene.table, Item: { key: { S: key }, data: { S: "theirs" } } });
    await expect(scene.store().claim(key, { token: "a", ...LONG })).rejects.toMatchObject({
      code: "RESULT_UNAVAILABLE",
    });
    expect(await scene.item(key)).toMatchObject({ data: { S: "theirs" } });
  });
});

describe("bad input", () => {
  const at = (client: unknown, options: object = { table: "keys" }) =>
    caught(() => dynamodbStore(client as DynamodbClient, options as { table: string }), "INVALID_OPTION");

  it.each([
    ["nothing", undefined, "got undefined without getItem"],
    ["a promise", Promise.resolve(), "a promise is none: await it first"],
    ["a client of the SDK v2", { putItem() {}, makeRequest() {} }, "make a DynamoDB of @aws-sdk"],
    ["its DocumentClient", { put() {}, transactWrite() {}, createSet() {} }, "make a DynamoDB of @aws-sdk"],
    ["a DynamoDBClient alone", { send() {} }, "commands: { GetItemCommand, PutItemCommand"],
    ["a pool", { query() {} }, "without getItem, putItem"],
  ])("is refused: %s as client", (_, client, message) => {
    expect(at(client)).toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining(message) });
  });

  it.each([
    [{}, "table: expected a table's name"],
    [{ table: "no" }, "table: expected a table's name"],
    [{ table: "with space" }, "table: expected a table's name"],
    [{ table: 7 }, "table: expected a table's name"],
    [{ table: "keys", prefix: "p" }, "expected one of table, commands, maxClockSkew, clock, onWarning"],
    [{ table: "keys", clock: 7 }, "clock: expected a function"],
    [{ table: "keys", onWarning: 7 }, "onWarning: expected a function"],
    [{ table: "keys", commands: {} }, "GetItemCommand, PutItemCommand, UpdateItemCommand"],
  ])("is refused: %j", (options, message) => {
    expect(at(scene.client, options)).toMatchObject({ message: expect.stringContaining(message) });
  });

  it.each(["5", -1, "25h"])("is refused: %j as maxClockSkew", maxClockSkew => {
    const act = () => dynamodbStore(scene.client, { table: "keys", maxClockSkew: maxClockSkew as "5s" });
    expect(act).toThrow(/^maxClockSkew: expected/);
  });

  it.each([
    "keys.of-the_shop",
    "arn:aws:dynamodb:eu-central-1:123456789012:table/keys",
    "arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/keys",
  ])("is not %s", table => {
    expect(dynamodbStore(scene.client, { table })).toHaveProperty("claim");
  });

  it("is told by createTable: commands without those for tables", async () => {
    const { CreateTableCommand: _, ...others } = commands;
    const store = dynamodbStore(scene.client, { table: "keys", commands: others });
    await expect(store.createTable()).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining("CreateTableCommand"),
    });
  });
});

describe("a table", () => {
  it("is made with on-demand capacity and time to live, and again without harm, by several at once", async () => {
    const table = newName("made");
    const warnings: unknown[] = [];
    const store = scene.store({ table, onWarning: warning => warnings.push(warning) }, behind);
    await Promise.all([store.createTable(), store.createTable()]);
    await store.createTable();
    expect(warnings).toEqual([]);
    expect((await behind.describeTable({ TableName: table })).Table).toMatchObject({
      KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    });
    expect((await behind.describeTimeToLive({ TableName: table })).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: "ENABLED",
      AttributeName: "purge_at",
    });
    await behind.deleteTable({ TableName: table });
  });

  it("is made where the time to live is on already, as DynamoDB says of it", async () => {
    front.onRequest = ({ operation }) =>
      operation === "UpdateTimeToLive"
        ? failure("ValidationException", "TimeToLive is already enabled")
        : undefined;
    await scene.store({}, behind).createTable();
  });

  it("is waited for until it is there", async () => {
    const statuses = ["CREATING", "CREATING", "ACTIVE"];
    const Table = {
      KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    };
    front.onRequest = ({ operation }) => {
      if (operation !== "DescribeTable") return undefined;
      const TableStatus = statuses.shift();
      // A table that has just been made may not be known yet.
      if (TableStatus === "ACTIVE" || statuses.length === 1) {
        return { status: 200, body: { Table: { ...Table, TableStatus } } };
      }
      return failure("ResourceNotFoundException");
    };
    await scene.store({}, behind).createTable();
    expect(statuses).toEqual([]);
  });

  it("on a server without time to live is told in a warning", async () => {
    const warnings: object[] = [];
    front.onRequest = ({ operation }) =>
      operation === "UpdateTimeToLive" ? failure("UnknownOperationException") : undefined;
    await scene.store({ onWarning: warning => warnings.push(warning) }, behind).createTable();
    expect(warnings).toMatchObject([{ code: "TTL_OFF", message: expect.stringContaining("purge()") }]);
  });

  it.each([
    [[{ AttributeName: "id", KeyType: "HASH" }], "S", "id (HASH, S)"],
    [[{ AttributeName: "key", KeyType: "HASH" }], "B", "key (HASH, B)"],
    [
      [
        { AttributeName: "key", KeyType: "HASH" },
        { AttributeName: "at", KeyType: "RANGE" },
      ],
      "S",
      "key (HASH, S), at (RANGE, S)",
    ],
  ] as const)("with another key is refused, and says which: %#", async (KeySchema, AttributeType, is) => {
    const TableName = newName("other");
    const AttributeDefinitions = KeySchema.map(({ AttributeName }) => ({ AttributeName, AttributeType }));
    await scene.client.createTable({
      TableName,
      KeySchema: [...KeySchema],
      AttributeDefinitions,
      BillingMode: "PAY_PER_REQUEST",
    });
    const store = scene.store({ table: TableName });
    await expect(store.createTable()).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringContaining(is),
    });
    const answers = [
      store.claim("k", { token: "a", ...LONG }),
      store.renew("k", "a", 1_000),
      store.read("k"),
      store.forget("k"),
    ];
    for (const answer of await Promise.allSettled(answers)) {
      expect(answer).toMatchObject({
        reason: { message: expect.stringContaining("its partition key has to be `key`, a string") },
      });
    }
    await scene.client.deleteTable({ TableName });
  });
});

describe("an error of DynamoDB", () => {
  it("that there is no table says which and how to make it, and nothing runs", async () => {
    const { execute } = createIdempotency({ store: scene.store({ table: "missing" }) });
    const fn = vi.fn();
    await expect(execute(newKey(), "1m", fn)).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: expect.stringMatching(/no table missing in this client's Region.*createTable\(\)/),
    });
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([
    ["claim", "PutItem"],
    ["renew", "UpdateItem"],
    ["read", "GetItem"],
    ["forget", "DeleteItem"],
    ["purge", "Scan"],
  ] as const)("that a right is missing says which: %s takes dynamodb:%s", async (operation, action) => {
    const why = `User: arn:aws:iam::1:user/u is not authorized to perform: dynamodb:${action}`;
    front.onRequest = () => failure("AccessDeniedException", why);
    const store = scene.store({}, behind);
    const act = {
      claim: () => store.claim("k", { token: "a", ...LONG }),
      renew: () => store.renew("k", "a", 1_000),
      read: () => store.read("k"),
      forget: () => store.forget("k"),
      purge: () => store.purge(),
    };
    await expect(act[operation]()).rejects.toMatchObject({
      message: expect.stringMatching(
        new RegExp(`may not do dynamodb:${action} on the table .*GetItem, PutItem`),
      ),
      cause: { name: "AccessDeniedException" },
    });
  });

  it.each(["CreateTable", "DescribeTable", "UpdateTimeToLive"])(
    "that a right is missing says which: createTable() takes dynamodb:%s",
    async action => {
      front.onRequest = ({ operation }) =>
        operation === action ? failure("AccessDeniedException", "not authorized") : undefined;
      const store = scene.store({ table: newName("denied") }, behind);
      await expect(store.createTable()).rejects.toThrow(`may not do dynamodb:${action} on the table`);
    },
  );

  it("that it throttles is tried again by the SDK, and then said", async () => {
    let left = 1;
    front.onRequest = () =>
      left-- > 0 ? failure("ProvisionedThroughputExceededException", "slow down") : undefined;
    const store = scene.store({}, scene.another({ endpoint: front.url, maxAttempts: 2 }));
    expect(await store.claim(newKey(), { token: "a", ...LONG })).toMatchObject({ status: "claimed" });
    expect(operations()).toEqual(["PutItem", "PutItem"]);
    left = 100;
    await expect(store.claim(newKey(), { token: "a", ...LONG })).rejects.toMatchObject({
      message: expect.stringContaining("throttled dynamodb:PutItem"),
    });
  });

  it("of any other kind is passed on as it is", async () => {
    front.onRequest = () => failure("ItemCollectionSizeLimitExceededException", "full");
    await expect(scene.store({}, behind).read("k")).rejects.toMatchObject({
      name: "ItemCollectionSizeLimitExceededException",
    });
  });
});

describe("list", () => {
  it("reads the table page by page, consistently, and no results unless those are asked for", async () => {
    const store = scene.store({}, behind);
    const name = newKey();
    const keys = Array.from({ length: 7 }, (_, n) => `${name}-${n}`);
    for (const key of keys) {
      await store.claim(key, { token: "a", ...LONG });
      await store.renew(key, "a", 0);
    }
    front.asked.length = 0;
    front.onRequest = ({ operation, input }) => {
      // As small as a page of megabytes is beside a large table.
      if (operation === "Scan") input["Limit"] = 3;
      return undefined;
    };
    const listed = [];
    for await (const { key } of store.list!({ prefix: name, status: "uncertain" })) listed.push(key);
    expect(listed.sort()).toEqual(keys);
    expect(front.asked.length).toBeGreaterThan(2);
    for (const { input } of front.asked) {
      expect(input).toMatchObject({ ConsistentRead: true });
      expect(JSON.stringify(input)).not.toContain("outcome");
    }
  });

  it("ends when its reader leaves, and when a page takes too long", async () => {
    const store = scene.store({}, behind);
    const key = newKey();
    await store.claim(key, { token: "a", ...LONG });
    for await (const each of store.list!({ prefix: key, status: "in-progress" })) {
      expect(each).toMatchObject({ key, attempt: 1 });
      break;
    }
    front.onRequest = () => new Promise(() => {});
    const late = (async () => {
      for await (const each of store.list!({ prefix: "", status: "uncertain", timeoutMs: 50 })) return each;
    })();
    await expect(late).rejects.toThrow("no answer within 50 ms");
  });
});
