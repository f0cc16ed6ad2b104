import { InvalidOptionError } from "../../contract/errors.ts";
import { expectMethods } from "../../contract/validate.ts";
import { describe } from "../../util/describe.ts";
import type { Anything, IoredisLike, NodeRedisLike, RedisClient, RedisCommands } from "./client.ts";
import { ioredis } from "./ioredis.ts";
import { nodeRedis } from "./node-redis.ts";

const EXPECTED = "client: expected a connected client of ioredis, iovalkey or node-redis";

const has = (client: Anything, method: string) => typeof client[method] === "function";

/** What is taken for a client, and does not do what one does: what it is, and what to do. The first that fits counts. */
const REFUSED: readonly [is: (client: Anything) => boolean, what: string, advice: string][] = [
  [
    client => client.isPipeline === true || (has(client, "exec") && !has(client, "multi")),
    "a pipeline or transaction",
    "pass the client that it was created from",
  ],
  [
    client => client.mode === "subscriber" || client.mode === "monitor",
    "a connection in subscriber or monitor mode, which takes no other commands",
    "pass a separate connection, such as client.duplicate()",
  ],
  [
    client => client.options?.legacyMode === true || (has(client, "evalSha") && !("isOpen" in client)),
    "a node-redis client in legacy mode, which takes callbacks",
    "pass the client itself, not its legacy()",
  ],
  [
    client => has(client, "internal_send_command"),
    "a client of redis 3 or older, which takes callbacks",
    "use redis 5 or later, or ioredis",
  ],
  [
    client => has(client, "evalsha") && has(client, "use") && !has(client, "sendCommand"),
    "a client of @upstash/redis, which speaks HTTP",
    "use ioredis or node-redis with the database's rediss:// address",
  ],
  [
    client => has(client, "evalsha") && !has(client, "createBuiltinCommand"),
    "a test double, such as ioredis-mock, or a client of another package",
    "use ioredis with a Redis server, or memoryStore() in tests",
  ],
];

/** Finds out by its methods which client this is. Throws `INVALID_OPTION` that says what it is and what to do. */
export function commandsOf(client: RedisClient): RedisCommands {
  const given = Object(client) as Anything;
  for (const [is, what, advice] of REFUSED) {
    if (is(given)) throw new InvalidOptionError(`${EXPECTED}; got ${what}: ${advice}`);
  }
  if (has(given, "evalSha")) {
    expectMethods("client", "a client of node-redis", ["eval", "set", "sendCommand"], given);
    return nodeRedis(client as NodeRedisLike);
  }
  if (has(given, "evalsha")) return ioredis(client as IoredisLike);
  throw new InvalidOptionError(
    `${EXPECTED}; got ${describe(client)}: give what \`new Redis()\` or \`createClient()\` returned`,
  );
}
