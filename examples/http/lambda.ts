import { isUtf8 } from "node:buffer";
import type {
  APIGatewayProxyStructuredResultV2 as Answer,
  APIGatewayProxyEventV2WithJWTAuthorizer as Event,
} from "aws-lambda";
import { createIdempotency } from "with-idempotency";
import { idempotentHandler } from "with-idempotency/http";

const createOrder = idempotentHandler(
  async (request, execution, _event: Event) => {
    const order = await request.json().catch(() => undefined);
    if (order === undefined) return new Response("The body is no JSON", { status: 400 });
    return Response.json({ order, attempt: execution?.attempt }, { status: 201 });
  },
  {
    // Give it a store that all instances share: each has a memory of its own.
    idempotency: createIdempotency({ namespace: "orders", waitTimeout: "10s" }),
    ttl: "24h",
    scope: (_request, { requestContext }) => String(requestContext.authorizer.jwt.claims["sub"] ?? ""),
  },
);

export const handler = async (event: Event): Promise<Answer> =>
  answerOf(await createOrder(requestOf(event), event));

/** An event of payload format 2.0: HTTP APIs of API Gateway, and function URLs. */
function requestOf({
  headers,
  requestContext,
  rawPath,
  rawQueryString,
  body,
  isBase64Encoded,
}: Event): Request {
  const { method } = requestContext.http;
  const url = new URL(`https://${requestContext.domainName}${rawPath}`);
  url.search = rawQueryString;
  const init: RequestInit = { method, headers: headers as Record<string, string> };
  const bytes = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
  return new Request(url, method === "GET" || method === "HEAD" ? init : { ...init, body: bytes });
}

async function answerOf(response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText = isUtf8(bytes);
  const headers = Object.fromEntries(response.headers);
  delete headers["set-cookie"];
  return {
    statusCode: response.status,
    headers,
    cookies: response.headers.getSetCookie(),
    body: bytes.toString(isText ? "utf8" : "base64"),
    isBase64Encoded: !isText,
  };
}
