import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { createIdempotency } from "with-idempotency";
import { idempotentHandler } from "with-idempotency/http";
import { requestOf } from "./node.ts";

const createOrder = idempotentHandler(
  async (request, execution, { headers }: FastifyRequest) => {
    const order = await request.json().catch(() => undefined);
    if (order === undefined) return new Response("The body is no JSON", { status: 400 });
    return Response.json({ order, by: headers["x-account"], attempt: execution?.attempt }, { status: 201 });
  },
  {
    // Give it a store that all of your processes share.
    idempotency: createIdempotency({ namespace: "orders", waitTimeout: "10s" }),
    ttl: "24h",
    scope: (_request, { headers }) => String(headers["x-account"] ?? ""), // your authentication
  },
);

const toRequest = ({ raw, body }: FastifyRequest, reply: FastifyReply) =>
  requestOf(Object.assign(raw, { rawBody: body }), reply.raw);

export const app = Fastify();
app.register(async routes => {
  // The routes of this plugin get the bytes as they came. All others keep Fastify's parsers.
  routes.removeAllContentTypeParsers();
  routes.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
  routes.post("/orders", (request, reply) => createOrder(toRequest(request, reply), request));
});
