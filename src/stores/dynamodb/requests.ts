import { asError } from "../shared/many.ts";
import { type Attribute, type Item, text } from "./attribute.ts";
import type { Send } from "./client.ts";
import { explained, isConditionFailed } from "./failures.ts";

type Values = Readonly<Record<string, Attribute>>;
type Reply = Readonly<Record<string, unknown>>;

/** A write, and when it is done. In its texts `#name` is an attribute, and `:name` one of the values. */
export interface Write {
  readonly operation: "putItem" | "updateItem" | "deleteItem";
  readonly key: string;
  readonly item?: Item;
  readonly update?: string;
  readonly condition: string;
  readonly values: Values;
}

/** What came of a write: it is done, or what stands in its way, which may be its own work if it was sent more than once. */
type Written =
  | { readonly done: true }
  | { readonly done: false; readonly met: Item | undefined; readonly resent: boolean };

/** One table, by one client. */
export interface Requests {
  /** The item as it is now. */
  read(key: string): Promise<Item | undefined>;
  write(write: Write): Promise<Written>;
  /** One page of a scan, from where the last one ended. */
  scan(page: ScanPage): Promise<{ items: readonly Item[]; next: Item | undefined }>;
}

export interface ScanPage {
  readonly filter: string;
  readonly attributes?: readonly string[] | undefined;
  readonly values: Values;
  readonly from: Item | undefined;
}

export function requestsTo(send: Send, table: string): Requests {
  const ask = async (operation: Parameters<Send>[0], input: object): Promise<Reply> => {
    try {
      return await send(operation, { TableName: table, ...input });
    } catch (error) {
      throw isConditionFailed(error) ? error : asError(explained(error, operation, table));
    }
  };
  const read = async (key: string) => {
    const { Item } = await ask("getItem", { Key: { key: text(key) }, ConsistentRead: true });
    return Item as Item | undefined;
  };
  return {
    read,
    async write(write) {
      try {
        await ask(write.operation, inputOf(write));
        return { done: true };
      } catch (error) {
        if (!isConditionFailed(error)) throw error;
        const { Item, $metadata } = error as { Item?: Item; $metadata?: { attempts?: number } };
        const resent = Number($metadata?.attempts) > 1;
        // An imitation of DynamoDB does not say what stands there, and nobody says so of nothing.
        return { done: false, met: Item ?? (await read(write.key)), resent };
      }
    },
    async scan({ filter, attributes, values, from }) {
      const projection = attributes?.map(name => `#${name}`).join(", ");
      const { Items, LastEvaluatedKey } = await ask("scan", {
        FilterExpression: filter,
        ...(projection && { ProjectionExpression: projection }),
        ...mentioned([filter, projection ?? ""], values),
        // What stands all the while is in the listing.
        ConsistentRead: true,
        ...(from && { ExclusiveStartKey: from }),
      });
      return { items: (Items ?? []) as readonly Item[], next: LastEvaluatedKey as Item | undefined };
    },
  };
}

function inputOf({ operation, key, item, update, condition, values }: Write): object {
  return {
    ...(operation === "putItem" ? { Item: item } : { Key: { key: text(key) } }),
    ...(update && { UpdateExpression: update }),
    ConditionExpression: condition,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    ...mentioned([condition, update ?? ""], values),
  };
}

/** The names and values that expressions mention: DynamoDB takes neither more nor fewer. */
function mentioned(expressions: readonly string[], values: Values): object {
  const all = expressions.join(" ");
  const names = [...all.matchAll(/#(\w+)/g)].map(([mark, name]) => [mark, name]);
  const given = [...all.matchAll(/:(\w+)/g)].map(([mark, name]) => [mark, values[name as string]]);
  return {
    ExpressionAttributeNames: Object.fromEntries(names),
    ...(given.length > 0 && { ExpressionAttributeValues: Object.fromEntries(given) }),
  };
}
