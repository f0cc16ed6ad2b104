import express from "express";
import { createIdempotency } from "with-idempotency";
import { idempotentHandler } from "with-idempotency/http";
import { toNode } from "./node.ts";

const createOrder = idempotentHandler(
  async (request, execution, _incoming: express.Request, { locals }: express.Response) => {
    const order = await request.json();
    return Response.json({ order, by: locals["account"], attempt: execution?.attempt }, { status: 201 });
  },
  {
    // Give it a store that all of your processes share.
    idempotency: createIdempotency({ namespace: "orders", waitTimeout: "10s" }),
    ttl: "24h",
    scope: (_request, _incoming, { locals }) => locals["account"],
  },
);

export const app = express();
app.use((request, response, next) => {
  response.locals["account"] = request.get("x-account"); // your authentication
  next();
});
// The parser of all routes keeps the bytes as they came. Without it the route reads them itself.
app.use(express.json({ verify: (request, _response, bytes) => Object.assign(request, { rawBody: bytes }) }));
app.post("/orders", toNode(createOrder));
