import { randomUUID } from "node:crypto";
import type { RedisClient, RedisCommands } from "../../stores/redis/client.ts";
import { naming } from "../../stores/redis/names.ts";
import { commandsOf } from "../../stores/redis/recognise.ts";
import { redisStore } from "../../stores/redis/store.ts";
import { messageOf } from "../command/failure.ts";
import { clock, examined, type Finding, majorOf, note, ok, problem, unknown } from "./finding.ts";
import { examineKeys } from "./redis-keys.ts";

const LEAST_VERSION = 6;
const RIGHTS =
  "Give the user +evalsha +eval +get +set +pttl +pexpire +del on the keys that begin with the store's prefix (ACL SETUSER)";
const HINT_RIGHTS =
  "Give the user +publish +subscribe +unsubscribe and the channels that begin with the store's prefix (&idempotency:*): until then, waiting calls poll";

type Info = ReadonlyMap<string, string>;

/** What docs/redis.md asks of a server. */
export async function examineRedis(
  client: RedisClient,
  prefix = "idempotency:",
): Promise<readonly Finding[]> {
  const commands = commandsOf(client);
  const info = await infoOf(commands);
  const byInfo = typeof info === "string" ? [unknown("server", info, "Give the user +info")] : readInfo(info);
  const isReplica = typeof info !== "string" && info.get("role") === "slave";
  const looks: (readonly Finding[])[] = [
    byInfo,
    await examined("clock", () => clock("clock", () => timeOf(commands)), "Give the user +time"),
    isReplica ? [] : await rights(client, commands, prefix),
    await examined("keys", () => examineKeys(commands, prefix), "Give the user +scan and +getrange"),
  ];
  return looks.flat();
}

async function infoOf({ command }: RedisCommands): Promise<Info | string> {
  try {
    const text = String(await command("INFO"));
    const lines = text.split(/\r?\n/).filter(line => line.includes(":"));
    return new Map(lines.map(line => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
  } catch (error) {
    return `INFO is unavailable: ${messageOf(error)}`;
  }
}

export function readInfo(info: Info): Finding[] {
  return [version(info), role(info), eviction(info), persistence(info), ...replicas(info)];
}

function version(info: Info): Finding {
  const number = info.get("valkey_version") ?? info.get("redis_version") ?? "";
  const name = info.has("valkey_version") ? "Valkey" : "Redis";
  if (info.has("dragonfly_version") || info.has("keydb_version")) {
    return note("version", "a server that speaks Redis' protocol", "The store has not been tested with it");
  }
  if (majorOf(number) >= LEAST_VERSION) return ok("version", `${name} ${number}`);
  return problem("version", `${name} ${number}`, "Use Redis 6 or later, or Valkey");
}

function role(info: Info): Finding {
  if (info.get("role") !== "slave") return ok("role", "a primary");
  return problem("role", "a replica, which accepts no writes", "Give the address of the primary");
}

function eviction(info: Info): Finding {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  const isLimited = Number(info.get("maxmemory") ?? 0) > 0;
  if (policy === "noeviction") return ok("eviction", "maxmemory-policy noeviction");
  const when = isLimited
    ? "a full server evicts keys, and their side effects may run again"
    : "with a maxmemory, a full server will evict keys";
  return problem(
    "eviction",
    `maxmemory-policy ${policy}: ${when}`,
    "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
  );
}

function persistence(info: Info): Finding {
  if (info.get("loading") === "1") {
    return problem(
      "persistence",
      "the server still reads its data",
      "Wait until it has finished: until then, calls fail",
    );
  }
  if (info.get("aof_enabled") !== "1") {
    return problem(
      "persistence",
      "no append-only file: a restart forgets keys, and their side effects may run again",
      "CONFIG SET appendonly yes, and the same in redis.conf",
    );
  }
  const status = info.get("aof_last_write_status");
  if (status !== undefined && status !== "ok") {
    return problem(
      "persistence",
      `the append-only file cannot be written: ${status}`,
      "Check the server's disk and log",
    );
  }
  return ok("persistence", "an append-only file");
}

function replicas(info: Info): Finding[] {
  const states = [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, text]) => /state=([^,]*)/.exec(text)?.[1]);
  const lagging = states.filter(state => state !== "online");
  if (lagging.length > 0) {
    const what = `${lagging.length} of ${states.length} replicas ${lagging.length === 1 ? "is" : "are"} not in step`;
    return [
      problem(
        "replicas",
        what,
        "Check the replicas' logs: after a failover to one of these, keys would be missing",
      ),
    ];
  }
  if (states.length === 0) return [];
  const advice = `A failover loses what no replica has yet. To have claims confirmed first: redisStore(client, { replicas: { count: ${states.length}, timeoutMs: 200 } })`;
  return [note("replicas", `${states.length} in step`, advice)];
}

async function timeOf({ command }: RedisCommands): Promise<number> {
  const [seconds, microseconds] = (await command("TIME")) as [unknown, unknown];
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

/** Does with a key of its own what a store does with one, and removes it. */
async function rights(client: RedisClient, commands: RedisCommands, prefix: string): Promise<Finding[]> {
  const key = `doctor-${randomUUID()}`;
  const store = redisStore(client, { prefix, onWarning() {} });
  const times = { ttlMs: 1_000, leaseMs: 1_000 };
  try {
    await store.claim(key, { token: key, ...times });
    await store.renew(key, key, 0);
    await store.settle(key, "1", times.ttlMs);
    await store.forget(key);
  } catch (error) {
    return [problem("rights", `a key could not be claimed and settled: ${messageOf(error)}`, RIGHTS)];
  }
  return [ok("rights", "keys can be claimed and settled"), await hints(commands, naming(prefix)(key))];
}

async function hints(commands: RedisCommands, channel: string): Promise<Finding> {
  try {
    await commands.command("PUBLISH", channel, "");
    const subscriber = commands.subscriber?.(() => {});
    try {
      await subscriber?.subscribe(channel);
    } finally {
      subscriber?.close();
    }
    return ok("waking", "waiting calls can be woken");
  } catch (error) {
    return problem("waking", `waiting calls cannot be woken: ${messageOf(error)}`, HINT_RIGHTS);
  }
}
