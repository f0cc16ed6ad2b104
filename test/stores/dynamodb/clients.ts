import { randomUUID } from "node:crypto";
import * as commands from "@aws-sdk/client-dynamodb";
import { DynamoDB, DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocument, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamodbClient, DynamodbCommands } from "../../../src/stores/dynamodb/client.ts";
import { startFront } from "./front.ts";

// It says at each start that it will want a later Node.js one day.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** A client of some kind, what the store is given with it, and how it ends. */
export interface Connected {
  client: DynamodbClient;
  commands?: DynamodbCommands;
  end(): unknown;
}

/** How the tests' clients are made: a server of the tests' own lets anybody in. */
function configFor(endpoint: string, more: DynamoDBClientConfig = {}): DynamoDBClientConfig {
  return {
    endpoint,
    region: "eu-central-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    ...more,
  };
}

export const dynamodb = (url: string, more?: DynamoDBClientConfig) => new DynamoDB(configFor(url, more));

/** All that changes what a document client makes of values. */
const ODD = {
  marshallOptions: { convertEmptyValues: true, removeUndefinedValues: true },
  unmarshallOptions: { wrapNumbers: true },
};

/** What the store works with. */
export const CLIENTS: Record<string, (url: string) => Connected> = {
  "a DynamoDB": url => {
    const client = dynamodb(url);
    return { client, end: () => client.destroy() };
  },
  "a DynamoDBClient, and commands": url => {
    const client = new DynamoDBClient(configFor(url));
    return { client, commands, end: () => client.destroy() };
  },
  "a DynamoDBDocumentClient with every odd option, and commands": url => {
    const client = new DynamoDBClient(configFor(url));
    return {
      client: DynamoDBDocumentClient.from(client, ODD),
      commands,
      end: () => client.destroy(),
    };
  },
  "a DynamoDBDocument, and commands": url => {
    const client = new DynamoDBClient(configFor(url));
    return { client: DynamoDBDocument.from(client), commands, end: () => client.destroy() };
  },
};

/** Through what returns the item with a failed condition, as DynamoDB does. */
export function returningItems(url: string): Connected {
  const started = startFront(url);
  const endpoint = async () => {
    const { hostname, port } = new URL((await started).url);
    return { protocol: "http:", hostname, port: Number(port), path: "/" };
  };
  const client = dynamodb(url, { endpoint });
  return {
    client,
    end: async () => {
      client.destroy();
      await (await started).stop();
    },
  };
}

/** What most use. */
export const USUAL_CLIENT = "a DynamoDB";

/** The name of a table of the test's own. */
export const newName = (what: string) => `${what}-${randomUUID()}`;
