import { randomUUID } from "node:crypto";
import type { DynamoDB, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll } from "vitest";
import type { DynamodbClient } from "../../../src/stores/dynamodb/client.ts";
import type { DynamodbStoreOptions } from "../../../src/stores/dynamodb/options.ts";
import { type DynamodbStore, dynamodbStore } from "../../../src/stores/dynamodb/store.ts";
import { dynamodb, newName } from "./clients.ts";

export const LONG = { ttlMs: 60_000, leaseMs: 30_000 };
export const RERUN = { ...LONG, rerun: true };
export const SERVER_TEST_MS = 30_000;

export const newKey = () => `key-${randomUUID()}`;

/** A table of the file's own on a server, with what looks at it from outside. */
export interface DynamodbScene {
  readonly url: string;
  readonly table: string;
  readonly client: DynamoDB;
  store(options?: Partial<DynamodbStoreOptions>, client?: DynamodbClient): DynamodbStore;
  /** A client that is destroyed with the scene. */
  another(config?: DynamoDBClientConfig): DynamoDB;
  /** The item of a key, as it stands there. */
  item(key: string): Promise<Record<string, unknown> | undefined>;
  /** Sets attributes of a key's item. */
  change(key: string, attributes: Record<string, { N: string } | { S: string }>): Promise<void>;
}

/** Makes the scene before the tests, and removes all of it after them. */
export function dynamodbScene(urlOf: () => string): DynamodbScene {
  const table = newName("test");
  const open: DynamoDB[] = [];
  const another = (config?: DynamoDBClientConfig) => {
    const client = dynamodb(urlOf(), config);
    open.push(client);
    return client;
  };
  const scene = {
    table,
    another,
    get url() {
      return urlOf();
    },
    store: (options: Partial<DynamodbStoreOptions> = {}, client: DynamodbClient = scene.client) =>
      dynamodbStore(client, { table, onWarning: () => {}, ...options }),
    async item(key: string) {
      const { Item } = await scene.client.getItem({
        TableName: table,
        Key: { key: { S: key } },
        ConsistentRead: true,
      });
      return Item;
    },
    async change(key: string, attributes: Record<string, { N: string } | { S: string }>) {
      const { Item } = await scene.client.getItem({ TableName: table, Key: { key: { S: key } } });
      await scene.client.putItem({ TableName: table, Item: { ...Item, ...attributes } });
    },
  } as DynamodbScene & { client: DynamoDB };

  beforeAll(async () => {
    scene.client = another();
    await scene.store().createTable();
  }, SERVER_TEST_MS);

  afterAll(async () => {
    await scene.client.deleteTable({ TableName: table });
    for (const client of open) client.destroy();
  }, SERVER_TEST_MS);

  return scene;
}
