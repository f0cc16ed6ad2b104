import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One request, as it came. */
interface Asked {
  /** Such as `PutItem`. */
  operation: string;
  input: Record<string, unknown>;
}

/** A reply in place of the server's. */
export interface Reply {
  status: number;
  body: object;
}

/**
 * What stands before a server that imitates DynamoDB: it keeps what is asked, does what such a server leaves out (it
 * returns the item with a failed condition, and knows about time to live), and fails as DynamoDB does under load.
 */
export interface Front {
  url: string;
  asked: Asked[];
  /** Looks at each request, and may answer it. */
  onRequest: (asked: Asked) => Promise<Reply | undefined> | Reply | undefined;
  /** Whether a failed condition comes with the item. */
  returnsItems: boolean;
  /** By how many milliseconds the server's clock is ahead, as its header `Date` says. */
  aheadMs: number;
  stop(): Promise<void>;
}

export const failure = (name: string, message = "", status = 400): Reply => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message },
});

export async function startFront(target: string): Promise<Front> {
  const timesToLive = new Map<unknown, object>();
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    const operation = String(request.headers["x-amz-target"]).split(".")[1]!;
    const asked: Asked = { operation, input: JSON.parse(text) };
    front.asked.push(asked);
    const reply = (await front.onRequest(asked)) ?? ofTimeToLive(asked) ?? (await forwarded(request, asked));
    const headers: OutgoingHttpHeaders = {
      "content-type": "application/x-amz-json-1.0",
      date: new Date(Date.now() + front.aheadMs).toUTCString(),
    };
    response.writeHead(reply.status, headers).end(JSON.stringify(reply.body));
  });

  const ofTimeToLive = ({ operation, input }: Asked): Reply | undefined => {
    if (operation === "UpdateTimeToLive") {
      const body = { TimeToLiveSpecification: input["TimeToLiveSpecification"] as object };
      timesToLive.set(input["TableName"], body.TimeToLiveSpecification);
      return { status: 200, body };
    }
    if (operation !== "DescribeTimeToLive") return undefined;
    const { Enabled, AttributeName } = Object(timesToLive.get(input["TableName"]));
    const description = Enabled
      ? { TimeToLiveStatus: "ENABLED", AttributeName }
      : { TimeToLiveStatus: "DISABLED" };
    return { status: 200, body: { TimeToLiveDescription: description } };
  };

  const send = async (request: IncomingMessage, operation: string, body: string): Promise<Reply> => {
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "x-amz-date": String(request.headers["x-amz-date"]),
      authorization: String(request.headers.authorization),
    };
    const response = await fetch(target, { method: "POST", headers, body });
    return { status: response.status, body: (await response.json()) as object };
  };

  const forwarded = async (request: IncomingMessage, { operation, input }: Asked): Promise<Reply> => {
    const { TableName, Key, Item, ReturnValuesOnConditionCheckFailure } = input;
    const reply = await send(request, operation, JSON.stringify(input));
    const isFailed = JSON.stringify(reply.body).includes("ConditionalCheckFailed");
    const { Item: _, ...without } = reply.body as Record<string, unknown>;
    if (!isFailed || !front.returnsItems || ReturnValuesOnConditionCheckFailure !== "ALL_OLD") {
      return isFailed ? { ...reply, body: without } : reply;
    }
    const key = Key ?? { key: Object(Item).key };
    const there = await send(
      request,
      "GetItem",
      JSON.stringify({ TableName, Key: key, ConsistentRead: true }),
    );
    return { status: reply.status, body: { ...reply.body, ...there.body } };
  };

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const front: Front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    onRequest: () => undefined,
    returnsItems: true,
    aheadMs: 0,
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return front;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}
