import { invalidOption } from "../../contract/validate.ts";
import { gathering } from "./gather.ts";
import type { RedisScript } from "./scripts.ts";

/** What the store uses of a client of ioredis or iovalkey: a `Redis` or a `Cluster`. */
export interface IoredisLike {
  evalsha(...args: [sha1: string, keys: number, ...args: (string | number)[]]): Promise<unknown>;
  eval(...args: [script: string, keys: number, ...args: (string | number)[]]): Promise<unknown>;
  // Typed loosely: the clients' own overloads differ, and each is checked before it is used.
  call: unknown;
  duplicate?: unknown;
}

/** What the store uses of a client of node-redis: of `createClient`, `createCluster` or `createClientPool`. */
export interface NodeRedisLike {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  set: unknown;
  sendCommand: unknown;
  duplicate?: unknown;
}

/** A client that the caller made and owns: of ioredis 5 or 6, iovalkey, or node-redis 5 or 6, cluster clients included. */
export type RedisClient = IoredisLike | NodeRedisLike;

/** A connection that is told of messages on channels. */
export interface Subscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

/** What every client can do, in one form. */
export interface RedisCommands {
  /** Keeps the text for `ms` where the key is absent; answers with what is there otherwise. For Redis 7 and later. */
  add(key: string, text: string, ms: number): Promise<unknown>;
  run(script: RedisScript, key: string, ...args: string[]): Promise<unknown>;
  command(...args: string[]): Promise<unknown>;
  /**
   * Opens a connection beside the client's own, which calls `told` with the channel of each message, emits no error
   * and does not keep the process alive. Undefined where the client cannot be duplicated.
   */
  readonly subscriber: ((told: (channel: string) => void) => Subscriber) | undefined;
  /** Does something on one connection, which nobody else uses meanwhile where the client has several. */
  onOne<T>(act: (commands: Pick<RedisCommands, "add" | "run" | "command">) => Promise<T>): Promise<T>;
  readonly isCluster: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: the clients' types are not to be had here, and their methods are checked.
type Anything = any;

const EXPECTED = "a client of ioredis, iovalkey or node-redis";

/** Finds out by its methods whose client it is. Throws `INVALID_OPTION`. */
export function commandsOf(client: RedisClient): RedisCommands {
  const { evalsha, evalSha } = (client ?? {}) as Anything;
  if (typeof evalSha === "function") return nodeRedis(client as NodeRedisLike);
  if (typeof evalsha === "function") return ioredis(client as IoredisLike);
  return invalidOption("client", EXPECTED, client);
}

// Redis forgets its scripts when it restarts, and a replica or another node of a cluster may not know them yet.
async function known(run: () => Promise<unknown>, load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("NOSCRIPT")) return load();
    throw error;
  }
}

function ioredis(client: IoredisLike): RedisCommands {
  const { isCluster, duplicate } = client as Anything;
  // A cluster's client has many.
  const gather = gathering(() => {
    const { stream } = client as Anything;
    return typeof stream?.cork === "function" ? stream : undefined;
  });
  const commands: RedisCommands = {
    isCluster: isCluster === true,
    add(key, text, ms) {
      gather();
      return (client as Anything).call("set", key, text, "PX", `${ms}`, "NX", "GET");
    },
    run({ sha1, text }, key, ...args) {
      gather();
      return known(
        () => client.evalsha(sha1, 1, key, ...args),
        () => client.eval(text, 1, key, ...args),
      );
    },
    command: (...args) => (client as Anything).call(...args),
    subscriber: typeof duplicate === "function" ? told => ioredisSubscriber(client, told) : undefined,
    onOne: act => act(commands),
  };
  return commands;
}

function ioredisSubscriber(client: Anything, told: (channel: string) => void): Subscriber {
  // By itself it subscribes anew in a way that ends the process where the connection is lost again meanwhile.
  const options = { lazyConnect: false, enableOfflineQueue: true, autoResubscribe: false };
  const connection = client.isCluster === true ? client.duplicate([], options) : client.duplicate(options);
  const channels = new Set<string>();
  // Without a listener an error would be printed, or end the process.
  connection.on("error", () => {});
  connection.on("connect", () => connection.stream?.unref?.());
  connection.on("ready", () => {
    if (channels.size > 0) connection.subscribe(...channels).catch(() => {});
  });
  connection.on("message", told);
  return {
    async subscribe(channel) {
      channels.add(channel);
      await connection.subscribe(channel);
    },
    async unsubscribe(channel) {
      channels.delete(channel);
      await connection.unsubscribe(channel);
    },
    close: () => connection.disconnect(),
  };
}

// As older and newer versions say it: what one does not know it leaves out, and SET without NX would take any key.
const ADDED = { condition: "NX", NX: true, GET: true };

function nodeRedis(given: NodeRedisLike): RedisCommands {
  // Texts as strings, whatever the application makes of them.
  const client = withStrings(given);
  const { duplicate, getRandomNode, execute } = client;
  // A cluster's client sends a command to the node of a key.
  const isCluster = typeof getRandomNode === "function";
  const commands: RedisCommands = {
    isCluster,
    // Not by `sendCommand`, which heeds no `keyPrefix`.
    add: (key, text, ms) =>
      client.set(key, text, { ...ADDED, expiration: { type: "PX", value: ms }, PX: ms }),
    run: ({ sha1, text }, key, ...args) =>
      known(
        () => client.evalSha(sha1, { keys: [key], arguments: args }),
        () => client.eval(text, { keys: [key], arguments: args }),
      ),
    command: (...args) => (isCluster ? client.sendCommand(undefined, true, args) : client.sendCommand(args)),
    subscriber: typeof duplicate === "function" ? told => nodeRedisSubscriber(client, told) : undefined,
    // A pool's own.
    onOne: act =>
      typeof execute === "function"
        ? client.execute((one: NodeRedisLike) => act(nodeRedis(one)))
        : act(commands),
  };
  return commands;
}

function withStrings(client: Anything): Anything {
  return typeof client.withTypeMapping === "function" ? client.withTypeMapping({}) : client;
}

function nodeRedisSubscriber(client: Anything, told: (channel: string) => void): Subscriber {
  const connection = client.duplicate(
    typeof client.getRandomNode === "function" ? { minimizeConnections: true } : {},
  );
  connection.on("error", () => {});
  connection.unref?.();
  const connected: Promise<unknown> = connection.connect();
  const close = async () => connection.destroy();
  return {
    async subscribe(channel) {
      await connected;
      await connection.subscribe(channel, () => told(channel));
    },
    unsubscribe: async channel => connection.unsubscribe(channel),
    close() {
      // Once more where it was about to connect.
      close()
        .catch(() => {})
        .then(() => connected)
        .then(close)
        .catch(() => {});
    },
  };
}
