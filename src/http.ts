export { idempotentHandler, type RequestHandler } from "./http/handler.ts";
export type { IdempotentHandlerOptions } from "./http/options.ts";
export type { KeptResponse } from "./http/response.ts";
