import { InvalidOptionError } from "../../contract/errors.ts";
import { expectRightClient, type WrongClient } from "../shared/wrong-client.ts";

/** What every request names. */
export interface DynamodbInput {
  /** The table's name or ARN. */
  TableName: string | undefined;
}

/** A `DynamoDB` of `@aws-sdk/client-dynamodb`, which has a method for each operation. */
export interface DynamodbMethods {
  /** Reads an item. */
  getItem(input: DynamodbInput): PromiseLike<object>;
  /** Writes an item, on a condition. */
  putItem(input: DynamodbInput): PromiseLike<object>;
  /** Changes an item, on a condition. */
  updateItem(input: DynamodbInput): PromiseLike<object>;
  /** Removes an item, on a condition. */
  deleteItem(input: DynamodbInput): PromiseLike<object>;
  /** Reads the table page by page. */
  scan(input: DynamodbInput): PromiseLike<object>;
}

/**
 * A `DynamoDBClient` of `@aws-sdk/client-dynamodb`, or a `DynamoDBDocumentClient` or `DynamoDBDocument` of
 * `@aws-sdk/lib-dynamodb`: it sends commands, whose classes the option `commands` gives.
 */
export interface DynamodbSender {
  /** Sends a command. */
  send(command: never): PromiseLike<unknown>;
}

/** A client of the AWS SDK for JavaScript v3. */
export type DynamodbClient = DynamodbMethods | DynamodbSender;

/** A class of commands of `@aws-sdk/client-dynamodb`. */
export type DynamodbCommand = new (input: never) => object;

/** The commands of `@aws-sdk/client-dynamodb` that a store needs with a client that sends commands. */
export interface DynamodbCommands {
  /** For `read`, and for servers that do not return the item with a failed condition. */
  GetItemCommand: DynamodbCommand;
  /** For `claim`. */
  PutItemCommand: DynamodbCommand;
  /** For what becomes of a claim. */
  UpdateItemCommand: DynamodbCommand;
  /** For `forget` and `purge`. */
  DeleteItemCommand: DynamodbCommand;
  /** For `list` and `purge`. */
  ScanCommand: DynamodbCommand;
  /** For `createTable`, as the next two. */
  CreateTableCommand?: DynamodbCommand | undefined;
  /** See `CreateTableCommand`. */
  DescribeTableCommand?: DynamodbCommand | undefined;
  /** See `CreateTableCommand`. */
  UpdateTimeToLiveCommand?: DynamodbCommand | undefined;
}

const NEEDED = ["getItem", "putItem", "updateItem", "deleteItem", "scan"] as const;
type Operation = (typeof NEEDED)[number] | "createTable" | "describeTable" | "updateTimeToLive";

/** Sends one request, and answers with what the SDK does. */
export type Send = (operation: Operation, input: DynamodbInput) => Promise<Record<string, unknown>>;

const EXPECTED =
  "a DynamoDB of @aws-sdk/client-dynamodb, or a DynamoDBClient together with the option commands";
const FOR_SENDER = "GetItemCommand, PutItemCommand, UpdateItemCommand, DeleteItemCommand, ScanCommand";

/** What is taken for a client of DynamoDB, and what to do about it. */
const WRONG: readonly WrongClient[] = [
  {
    what: "a client of the AWS SDK v2",
    has: ["makeRequest"],
    todo: "make a DynamoDB of @aws-sdk/client-dynamodb",
  },
  {
    what: "a DocumentClient of the AWS SDK v2",
    has: ["put", "transactWrite", "createSet"],
    todo: "make a DynamoDB of @aws-sdk/client-dynamodb",
  },
  { what: "a Table of DynamoDB-Toolbox", has: ["documentClient"], todo: "give it what that was made with" },
];

type Methods = Record<string, unknown> & { send?: unknown };

const commandOf = (operation: string) => `${operation[0]!.toUpperCase()}${operation.slice(1)}Command`;

/** How to send requests by that client. Throws `INVALID_OPTION` where it cannot, and says what it was given. */
export function sendingBy(client: DynamodbClient, commands: DynamodbCommands | undefined): Send {
  if (commands === undefined) expectMethodsOf(client);
  else expectRightClient("client", EXPECTED, ["send"], client, WRONG);
  const methods = client as unknown as Methods;
  const classes = commands as Record<string, DynamodbCommand | undefined> | undefined;
  return async (operation, input) => {
    const Command = classes?.[commandOf(operation)];
    if (Command !== undefined) {
      return asReply(await (client as DynamodbSender).send(new Command(input as never) as never));
    }
    const method = classes === undefined ? methods[operation] : undefined;
    if (typeof method === "function") return asReply(await method.call(client, input));
    throw new InvalidOptionError(
      classes === undefined
        ? `client: expected the method ${operation} of a DynamoDB; got a client without it`
        : `commands: expected ${commandOf(operation)} among them; got none`,
    );
  };
}

function expectMethodsOf(client: DynamodbClient): void {
  const { send, putItem } = Object(client) as Methods;
  if (typeof send === "function" && typeof putItem !== "function") {
    throw new InvalidOptionError(
      `client: expected ${EXPECTED}; got a client that sends commands, and no commands: give it { commands: { ${FOR_SENDER} } } of @aws-sdk/client-dynamodb, or make the client by new DynamoDB()`,
    );
  }
  expectRightClient("client", EXPECTED, NEEDED, client, WRONG);
}

/** Checks the option `commands`; the names that are missing or no classes. */
export function missingCommands(value: unknown): readonly string[] {
  const given = Object(value) as Record<string, unknown>;
  return NEEDED.map(commandOf).filter(name => typeof given[name] !== "function");
}

const asReply = (reply: unknown) => Object(reply) as Record<string, unknown>;
