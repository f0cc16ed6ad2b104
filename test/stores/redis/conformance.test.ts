import { describe } from "vitest";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { CLIENTS, USUAL_CLIENTS } from "./clients.ts";
import { redisConforms } from "./conforms.ts";

describeWithRedis("a store in Redis", url => {
  describe.each(USUAL_CLIENTS)("by %s", name => redisConforms(CLIENTS[name]!, () => [url]));
});
