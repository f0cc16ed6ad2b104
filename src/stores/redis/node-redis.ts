import { setMaxListeners } from "node:events";
import { realTimer } from "../../util/timers.ts";
import {
  type Anything,
  byName,
  type Connection,
  type NodeRedisLike,
  type RedisCommands,
  type Subscriber,
} from "./client.ts";

const has = (client: Anything, method: string) => typeof client[method] === "function";

/** A client of node-redis. */
export function nodeRedis(client: NodeRedisLike): RedisCommands {
  const isCluster = has(client, "getRandomNode");
  const connection = isSingle(client)
    ? single(client)
    : routed(client, isCluster ? sharedTimeout(client) : undefined);
  return {
    ...connection,
    isCluster,
    canWait: !isCluster,
    subscriber: has(client, "duplicate") ? publish => subscriber(client, publish) : undefined,
    onOne: act => onOne(client, act, connection),
    masters: async () => (isCluster ? mastersOf(client) : [connection]),
  };
}

function mastersOf(cluster: Anything): Promise<Connection[]> {
  const nodes: unknown[] = cluster.masters;
  return Promise.all(nodes.map(async node => routed(await cluster.nodeClient(node))));
}

/** One connection of a pool's or of a sentinel's several. */
function onOne<T>(
  client: Anything,
  act: (one: Connection) => Promise<T>,
  connection: Connection,
): Promise<T> {
  // A sentinel's `use` has a lease, which takes commands as the sentinel does.
  if (isSentinel(client) && has(client, "use")) return client.use((one: Anything) => act(routed(one)));
  if (has(client, "execute")) return client.execute((one: Anything) => act(routed(one)));
  return act(connection);
}

const isSentinel = (client: Anything) => has(client, "acquire") || has(client, "release");
const isSingle = (client: Anything) =>
  !has(client, "getRandomNode") && !has(client, "execute") && !isSentinel(client);

// As older and newer versions say it: what one does not know it leaves out, and SET without NX would take any key.
const ADDED = { condition: "NX", NX: true, GET: true };

// node-redis writes what one turn of the event loop sends to a connection together.
const asItDoes: Connection["together"] = send => send();

// Texts as strings, whatever the application makes of them.
const textual = (given: Anything) => (has(given, "withTypeMapping") ? given.withTypeMapping({}) : given);

/** By the client's own methods, which find the node of a key and add a `keyPrefix`. */
function routed(given: Anything, shared?: () => Anything): Connection {
  const texts = shared === undefined ? textual(given) : undefined;
  const current = shared ?? (() => texts);
  return {
    add: async (key, text, ms) =>
      current().set(key, text, { ...ADDED, expiration: { type: "PX", value: ms }, PX: ms }),
    run: ({ sha1, text }, key, ...args) =>
      byName(
        async () => current().evalSha(sha1, { keys: [key], arguments: args }),
        () => current().eval(text, { keys: [key], arguments: args }),
      ),
    runMany: ({ sha1, text }, keys, args) =>
      byName(
        async () => current().evalSha(sha1, { keys, arguments: args }),
        () => current().eval(text, { keys, arguments: args }),
      ),
    together: asItDoes,
    async command(...args: string[]) {
      if (has(given, "getRandomNode")) return current().sendCommand(undefined, true, args);
      return isSentinel(given) ? current().sendCommand(false, args) : current().sendCommand(args);
    },
  };
}

/**
 * By a single connection's `sendCommand`: what its own methods do beside, which is to add a `keyPrefix`, takes longer
 * than sending: 64 in flight are 1.2 times as fast without (first executions; replays 1.4 times).
 */
function single(given: Anything): Connection {
  if (given.options === undefined || given.options.keyPrefix) return routed(given);
  const current = sharedTimeout(given);
  // Once more as an argument: the view of a client of node-redis 5 leaves its own options out here.
  const send = (args: readonly string[]) => {
    const view = current();
    return view.sendCommand(args, view._commandOptions);
  };
  return {
    add: async (key, text, ms) => send(["SET", key, text, "PX", `${ms}`, "NX", "GET"]),
    run: ({ sha1, text }, key, ...args) =>
      byName(
        async () => send(["EVALSHA", sha1, "1", key, ...args]),
        () => send(["EVAL", text, "1", key, ...args]),
      ),
    runMany: ({ sha1, text }, keys, args) =>
      byName(
        async () => send(["EVALSHA", sha1, `${keys.length}`, ...keys, ...args]),
        () => send(["EVAL", text, `${keys.length}`, ...keys, ...args]),
      ),
    together: asItDoes,
    command: async (...args: string[]) => send(args),
  };
}

const SPAN_MS = 1_000;
const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * The client with one timeout for all commands of a second. By itself node-redis 6 makes a signal for each, which takes
 * as long as all else about it: 64 in flight are 1.6 to 1.8 times as fast without. As with its own, a command that could
 * not be sent in time is never sent: a claim that arrives minutes after its call has ended would only stand in the way.
 */
function sharedTimeout(given: Anything): () => Anything {
  const options = given.options?.commandOptions ?? given._commandOptions;
  const timeoutMs = options?.timeout ?? DEFAULT_TIMEOUT_MS;
  // Texts as strings, whatever the application makes of them.
  const withOptions = (options: object) => given.withCommandOptions({ typeMapping: {}, ...options });
  let current: Anything;

  function begin(): Anything {
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    // In real time: by a test's clock, commands that have only just begun would be aborted.
    const isTimed = realTimer(() => {
      current = undefined;
      realTimer(() => controller.abort(), timeoutMs);
    }, SPAN_MS);
    if (!isTimed) return withOptions({ timeout: timeoutMs });
    current = withOptions({ timeout: undefined, abortSignal: controller.signal });
    return current;
  }

  return () => current ?? begin();
}

function subscriber(client: Anything, publish: (channel: string) => void): Subscriber {
  const connection = client.duplicate(has(client, "getRandomNode") ? { minimizeConnections: true } : {});
  connection.on("error", () => {});
  connection.unref?.();
  const connected: Promise<unknown> = connection.connect();
  const close = async () => connection.destroy();
  // Without it the client does not notice that a channel is subscribed again before its unsubscription is answered.
  const listener = (_message: string, channel: string) => publish(channel);
  return {
    async subscribe(channel) {
      await connected;
      await connection.subscribe(channel, listener);
    },
    unsubscribe: async channel => connection.unsubscribe(channel, listener),
    close() {
      // Once more if it was about to connect.
      close()
        .catch(() => {})
        .then(() => connected)
        .then(close)
        .catch(() => {});
    },
  };
}
