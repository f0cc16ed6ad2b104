// What DynamoDB says where the table's key is another than the request's.
const KEY_SCHEMA = /key element does not match|missing the key|type mismatch for key/i;

const nameOf = (error: unknown) => String((error as { name?: unknown } | null | undefined)?.name);
const reasonOf = (error: unknown) => String((error as { message?: unknown } | null | undefined)?.message);

/** Whether the condition of a write did not hold, and nothing was written. */
export function isConditionFailed(error: unknown): boolean {
  return nameOf(error) === "ConditionalCheckFailedException";
}

/** Whether the server does not know the operation, as an imitation of DynamoDB may not. */
export function isUnknownOperation(error: unknown): boolean {
  return nameOf(error) === "UnknownOperationException";
}

/** Whether there is no such table, or none yet. */
export function isNoTable(error: unknown): boolean {
  return nameOf(error) === "ResourceNotFoundException";
}

/** Whether there is such a table, or one is being made. */
export function isTableInUse(error: unknown): boolean {
  return nameOf(error) === "ResourceInUseException";
}

/** Whether the caller may not do that. */
export function isDenied(error: unknown): boolean {
  return /^AccessDenied/.test(nameOf(error));
}

/** Whether the table's key is another than the store's. */
export function isKeyMismatch(error: unknown): boolean {
  return nameOf(error) === "ValidationException" && KEY_SCHEMA.test(reasonOf(error));
}

/** The rights that the store's operations take. */
const RIGHTS =
  "dynamodb:GetItem, PutItem, UpdateItem and DeleteItem on it, Scan for `list` and `purge`, and CreateTable, DescribeTable and UpdateTimeToLive for createTable()";

/** The error that a request failed with, or one that says what it means and what to do. */
export function explained(error: unknown, operation: string, table: string): unknown {
  const told = advice(error, operation, table);
  return told === undefined ? error : new Error(`${told} (${reasonOf(error)})`, { cause: error });
}

function advice(error: unknown, operation: string, table: string): string | undefined {
  const action = `dynamodb:${operation[0]!.toUpperCase()}${operation.slice(1)}`;
  if (isNoTable(error)) {
    return `DynamoDB has no table ${table} in this client's Region and account: make it by the store's createTable(), or as the guide to DynamoDB shows, and look at the client's region`;
  }
  if (isDenied(error)) {
    return `The client may not do ${action} on the table ${table}: its policy has to allow that. The store takes ${RIGHTS}`;
  }
  if (isKeyMismatch(error)) {
    return `The table ${table} has another key than the store needs: its partition key has to be \`key\`, a string, and it may have no sort key`;
  }
  if (/Throughput|Throttl|RequestLimitExceeded/.test(nameOf(error))) {
    return `DynamoDB throttled ${action} on the table ${table}, also when the client tried again: use on-demand capacity, or provision more`;
  }
  return undefined;
}
