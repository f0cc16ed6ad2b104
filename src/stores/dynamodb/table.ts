import { StoreError } from "../../contract/errors.ts";
import { notify } from "../../util/notify.ts";
import { asError } from "../shared/many.ts";
import type { StoreWarning } from "../shared/warning.ts";
import type { Send } from "./client.ts";
import { explained, isNoTable, isTableInUse, isUnknownOperation } from "./failures.ts";

/** The attribute by which DynamoDB removes what is past its time. */
export const TTL_ATTRIBUTE = "purge_at";

const WAIT_MS = 500;
const PATIENCE_MS = 120_000;

/** Makes the table where there is none, waits until it is there, and has DynamoDB remove what is past its time. */
export async function createTable(
  send: Send,
  table: string,
  onWarning: (warning: StoreWarning) => void,
): Promise<void> {
  await make(send, table);
  const deadline = performance.now() + PATIENCE_MS;
  await isUsable(send, table, deadline);
  await removePast(send, table, onWarning, deadline);
}

async function make(send: Send, table: string): Promise<void> {
  try {
    await send("createTable", {
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
    } as { TableName: string });
  } catch (error) {
    // It is there, or another makes it at this moment.
    if (!isTableInUse(error)) throw asError(explained(error, "createTable", table));
  }
}

interface Described {
  TableStatus?: string;
  KeySchema?: readonly { AttributeName?: string; KeyType?: string }[];
  AttributeDefinitions?: readonly { AttributeName?: string; AttributeType?: string }[];
}

/** What stands in the way of a table's key, in a few words; undefined where it is the store's. */
export function keyFault({ KeySchema = [], AttributeDefinitions = [] }: Described): string | undefined {
  const is = KeySchema.map(({ AttributeName, KeyType }) => {
    const type = AttributeDefinitions.find(each => each.AttributeName === AttributeName)?.AttributeType;
    return `${AttributeName} (${KeyType}, ${type})`;
  }).join(", ");
  return is === "key (HASH, S)" ? undefined : is;
}

const pause = () => new Promise(resolve => setTimeout(resolve, WAIT_MS));

async function isUsable(send: Send, table: string, deadline: number): Promise<void> {
  for (;;) {
    const described = await describeTable(send, table);
    const fault = described && keyFault(described);
    if (fault !== undefined) throw wrongKey(table, fault);
    const status = described?.TableStatus;
    // A table takes reads and writes all the while that it is updated, which may be for hours.
    if (status === "ACTIVE" || status === "UPDATING") return;
    if (performance.now() > deadline) {
      throw new StoreError(
        `The table ${table} is ${status ?? "not there"} after two minutes: call createTable() again when DynamoDB says that it is ACTIVE`,
      );
    }
    await pause();
  }
}

function wrongKey(table: string, is: string): StoreError {
  return new StoreError(
    `The table ${table} has another key than the store needs: expected key (HASH, S) alone; got ${is}. Give the store a table of its own`,
  );
}

/** The table as the server describes it; undefined where it does not know of it yet. */
async function describeTable(send: Send, table: string): Promise<Described | undefined> {
  try {
    const { Table } = await send("describeTable", { TableName: table });
    return Table as Described | undefined;
  } catch (error) {
    if (isNoTable(error)) return undefined;
    throw asError(explained(error, "describeTable", table));
  }
}

async function removePast(
  send: Send,
  table: string,
  onWarning: (warning: StoreWarning) => void,
  deadline: number,
): Promise<void> {
  const TimeToLiveSpecification = { Enabled: true, AttributeName: TTL_ATTRIBUTE };
  try {
    await send("updateTimeToLive", { TableName: table, TimeToLiveSpecification } as { TableName: string });
  } catch (error) {
    const why = String((error as { message?: unknown } | null)?.message);
    if (/already enabled/i.test(why)) return;
    // Another change of the table comes first.
    if (isTableInUse(error) && performance.now() < deadline) {
      await pause();
      return removePast(send, table, onWarning, deadline);
    }
    if (!isUnknownOperation(error)) throw asError(explained(error, "updateTimeToLive", table));
    notify(onWarning, {
      code: "TTL_OFF",
      message: `The server of the table ${table} knows no time to live: records past their time read as absent and stay there until purge() removes them`,
    });
  }
}
