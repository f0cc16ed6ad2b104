import { dynamodbStore } from "../../../src/stores/dynamodb/store.ts";
import { type Task, taskOf, work } from "../shared/work.ts";
import { dynamodb } from "./clients.ts";

/** What a process does with a key of a DynamoDB. */
export interface DynamodbTask extends Task {
  url: string;
  table: string;
}

const task = taskOf<DynamodbTask>();
const client = dynamodb(task.url);

await work(task, dynamodbStore(client, { table: task.table, maxClockSkew: "1s" }));
client.destroy();
