export type {
  DynamodbClient,
  DynamodbCommand,
  DynamodbCommands,
  DynamodbInput,
  DynamodbMethods,
  DynamodbSender,
} from "./stores/dynamodb/client.ts";
export type { DynamodbStoreOptions } from "./stores/dynamodb/options.ts";
export { type DynamodbStore, dynamodbStore } from "./stores/dynamodb/store.ts";
export type { StoreWarning } from "./stores/shared/warning.ts";
