import {
  type Anything,
  byName,
  type Connection,
  type IoredisLike,
  type RedisCommands,
  type Subscriber,
} from "./client.ts";
import { gathering, together } from "./gather.ts";

/** A client of ioredis or iovalkey. */
export function ioredis(client: IoredisLike): RedisCommands {
  const { isCluster, duplicate } = client as Anything;
  const set = builtin(client, "set");
  const evalsha = builtin(client, "evalsha");
  const evaluate = builtin(client, "eval");
  // A cluster's client has many, and none here.
  const gather = gathering(() => (client as Anything).stream);
  const connection: Connection = {
    add(key, text, ms) {
      gather();
      return set(key, text, "PX", `${ms}`, "NX", "GET");
    },
    run({ sha1, text }, key, ...args) {
      gather();
      return byName(
        () => evalsha(sha1, "1", key, ...args),
        () => evaluate(text, "1", key, ...args),
      );
    },
    runMany: ({ sha1, text }, keys, args) =>
      byName(
        () => evalsha(sha1, `${keys.length}`, ...keys, ...args),
        () => evaluate(text, `${keys.length}`, ...keys, ...args),
      ),
    together: send => together(streamsOf(client), send),
    command: commandOf(client),
  };
  return {
    ...connection,
    isCluster: isCluster === true,
    canWait: isCluster !== true,
    subscriber: typeof duplicate === "function" ? publish => subscriber(client, publish) : undefined,
    onOne: act => act(connection),
    async masters() {
      if (isCluster !== true) return [connection];
      return mastersOf(client);
    },
  };
}

/** The streams of the connections that commands go to. */
function streamsOf(client: Anything): Anything[] {
  const connections: Anything[] = client.isCluster === true ? client.nodes("master") : [client];
  return connections.map(({ stream }) => stream).filter(stream => stream !== undefined);
}

/** Every master that owns slots. The client leaves a node out as long as it has no connection to it. */
function mastersOf(cluster: Anything): Pick<Connection, "command">[] {
  const nodes: Anything[] = cluster.nodes("master");
  const known = new Set(nodes.map(({ options: { host, port } }) => `${host}:${port}`));
  const lost = cluster.slots.find((owners: string[] | undefined) => owners && !known.has(owners[0]!));
  if (lost !== undefined) throw new Error(`there is no connection to ${lost[0]}, a master of the cluster`);
  return nodes.map(node => ({ command: commandOf(node) }));
}

function commandOf(client: Anything): Connection["command"] {
  return async (name, ...args) => builtin(client, name)(...args);
}

/**
 * A command as the client's own methods send it, with its `keyPrefix`, but never in its automatic pipelines: in a
 * cluster ioredis before 6 finds the node for those by the first argument, which is a script's name.
 */
function builtin(client: Anything, name: string): (...args: string[]) => Promise<unknown> {
  return client.createBuiltinCommand(name).string.bind(client);
}

function subscriber(client: Anything, publish: (channel: string) => void): Subscriber {
  // By itself it subscribes anew in a way that ends the process if the connection is lost again meanwhile.
  const options = { lazyConnect: false, enableOfflineQueue: true, autoResubscribe: false };
  const connection = client.isCluster === true ? client.duplicate([], options) : client.duplicate(options);
  const channels = new Set<string>();
  // Without a listener an error would be printed, or end the process.
  connection.on("error", () => {});
  connection.on("connect", () => connection.stream?.unref?.());
  connection.on("ready", () => {
    if (channels.size > 0) connection.subscribe(...channels).catch(() => {});
  });
  connection.on("message", publish);
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
