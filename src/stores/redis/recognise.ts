import { InvalidOptionError } from "../../contract/errors.ts";
import { expectMethods } from "../../contract/validate.ts";
import { disown, isPromise } from "../../util/awaitable.ts";
import { describe } from "../../util/describe.ts";
import type {
  Anything,
  GlideLike,
  IoredisLike,
  NodeRedisLike,
  RedisClient,
  RedisCommands,
  UpstashLike,
} from "./client.ts";
import { glide } from "./glide.ts";
import { ioredis } from "./ioredis.ts";
import { nodeRedis } from "./node-redis.ts";
import { upstash } from "./upstash.ts";

const EXPECTED =
  "client: expected a connected client of ioredis, iovalkey, node-redis, Valkey GLIDE or @upstash/redis";

const has = (client: Anything, method: string) => typeof client[method] === "function";

const isGlide = (client: Anything) => has(client, "customCommand") && has(client, "invokeScript");

// GLIDE's clients have `exec` and no `multi`, and its batches neither.
const isBatch = (client: Anything) =>
  !isGlide(client) &&
  ((has(client, "exec") && !has(client, "multi")) ||
    (has(client, "customCommand") && !has(client, "evalsha")));

/** Of @upstash/redis, or of a package that builds on it. */
const isUpstash = (client: Anything) => has(client, "evalsha") && has(client, "createScript");

// What a request that changes something may have, for its answer to be the server's.
const UNCACHED = [undefined, "no-store", "no-cache", "reload"];

/** What is taken for a client, and does not do what one does: what it is, and what to do. The first that fits counts. */
const REFUSED: readonly [is: (client: Anything) => boolean, what: string, advice: string][] = [
  [isPromise, "a promise", "await it first"],
  [
    client => client.isPipeline === true || isBatch(client),
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
    client => isUpstash(client) && !UNCACHED.includes(client.client?.options?.cache),
    "a client of @upstash/redis whose answers may come from a cache",
    'make it with cache: "no-store", as it is by default',
  ],
  [
    client => has(client, "evalsha") && !has(client, "createBuiltinCommand") && !isUpstash(client),
    "a test double, such as ioredis-mock, or a client of another package",
    "use ioredis with a Redis server, or memoryStore() in tests",
  ],
];

/** Finds out by its methods which client this is. Throws `INVALID_OPTION` that says what it is and what to do. */
export function commandsOf(client: RedisClient): RedisCommands {
  const given = Object(client) as Anything;
  for (const [is, what, advice] of REFUSED) {
    if (!is(given)) continue;
    disown(client);
    throw new InvalidOptionError(`${EXPECTED}; got ${what}: ${advice}`);
  }
  if (has(given, "evalSha")) {
    expectMethods("client", "a client of node-redis", ["eval", "set", "sendCommand"], given);
    return nodeRedis(client as NodeRedisLike);
  }
  if (isGlide(given)) return glide(client as GlideLike);
  if (isUpstash(given)) {
    expectMethods("client", "a client of @upstash/redis", ["eval", "scan"], given);
    return upstash(client as UpstashLike);
  }
  if (has(given, "evalsha")) return ioredis(client as IoredisLike);
  throw new InvalidOptionError(
    `${EXPECTED}; got ${describe(client)}: give what \`new Redis()\` or \`createClient()\` returned`,
  );
}
