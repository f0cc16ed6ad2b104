import { byScripts } from "./by-scripts.ts";
import { type Anything, type GlideLike, messageOf, type RedisCommands, type Subscriber } from "./client.ts";
import { limitOf } from "./limit.ts";

// `Decoder.String`: texts as strings, whatever the application makes of them.
const TEXTS = { decoder: 1 };
// What GLIDE takes if it is not told. Beyond that it refuses commands, also the application's own.
const IN_FLIGHT = 1_000;
// `ProtocolVersion.RESP2`, by which GLIDE has no subscriptions.
const RESP2 = 1;
const SUBSCRIBE_MS = 5_000;

/**
 * A client of Valkey GLIDE. By scripts alone: with its `compression` what a plain command writes is compressed, and no
 * script could read it.
 */
export function glide(client: GlideLike): RedisCommands {
  const given = client as Anything;
  const isCluster = typeof given.invokeScriptWithRoute === "function";
  const limit = limitOf(client, Math.max(1, (given.config?.inflightRequestsLimit ?? IN_FLIGHT) / 2));
  const send = (args: readonly string[], route?: object) =>
    limit(1, () => untilFound(() => given.customCommand(args, { ...TEXTS, ...route }))).catch(inWordsOfRedis);
  const anywhere = isCluster ? { route: "randomNode" } : undefined;
  const connection = byScripts(
    (command, script, keys, args) => send([command, script, `${keys.length}`, ...keys, ...args]),
    (...args) => send(args, anywhere),
  );
  const canSubscribe =
    typeof given.subscribe === "function" && given.config !== undefined && given.config.protocol !== RESP2;
  return {
    ...connection,
    isCluster,
    canWait: !isCluster,
    subscriber: canSubscribe ? publish => subscriber(given, publish) : undefined,
    onOne: act => act(connection),
    async masters() {
      if (!isCluster) return [connection];
      const slots = await send(["CLUSTER", "SLOTS"], anywhere);
      return owners(slots as Slots, given).map(address => ({
        command: (...args) => send(args, { route: { type: "routeByAddress", ...address } }),
      }));
    },
  };
}

// What a node says of a slot that is not its own, or is being moved: it has done nothing.
const ELSEWHERE = /signalled by the server: - (Moved|Ask|TryAgain)\b/;
const REDIRECTIONS = 6;

/** Asks again while a slot moves: GLIDE gives such a command up as soon as two nodes name each other. */
async function untilFound(ask: () => Promise<unknown>): Promise<unknown> {
  for (let n = 1; ; n++) {
    try {
      return await ask();
    } catch (error) {
      if (n > REDIRECTIONS || !ELSEWHERE.test(messageOf(error))) throw error;
      // 20 ms, and in the end 0.6 s: over a second in all.
      await new Promise(resolve => setTimeout(resolve, 10 * 2 ** n));
    }
  }
}

/** Which nodes serve which slots, the owner first. */
type Slots = [from: number, to: number, owner: [host: string | null, port: number], ...replicas: unknown[]][];

/** Every node that owns slots. */
function owners(slots: Slots, { config }: Anything): { host: string; port: number }[] {
  // Without a name of its own a node stands where it was asked.
  const known = slots.map(([, , [host, port]]) => ({ host: host || config?.addresses[0].host, port }));
  return [...new Map(known.map(address => [`${address.host}:${address.port}`, address])).values()];
}

/** The words for what GLIDE has names of its own. */
const WORDS: Record<string, string> = { Response: "ERR", PermissionDenied: "NOPERM" };
const SIGNALLED = /^An error was signalled by the server: - (\w+?)(?:Error)?: (.*)$/s;
const NAMED = /^([A-Z]{2,}): /;

/** Throws what the server said as it said it: GLIDE tells its errors in words of its own. */
function inWordsOfRedis(error: unknown): never {
  const said = messageOf(error);
  const [, kind = "", text] = SIGNALLED.exec(said) ?? [];
  const why =
    text === undefined ? said.replace(NAMED, "$1 ") : `${WORDS[kind] ?? kind.toUpperCase()} ${text}`;
  throw why === said ? error : new Error(why, { cause: error });
}

/** A client with the same settings, for what is published alone: the application's has one callback, or none, for all. */
function subscriber(client: Anything, publish: (channel: string) => void): Subscriber {
  const callback = ({ channel }: Anything) => publish(String(channel));
  const settings = {
    ...client.config,
    lazyConnect: false,
    pubsubSubscriptions: { channelsAndPatterns: {}, callback },
  };
  let connecting: Promise<Anything> | undefined;
  let isClosed = false;

  async function connect() {
    const connection = await client.constructor.createClient(settings);
    connection.socket?.unref?.();
    if (isClosed) connection.close();
    return connection;
  }
  function connected(): Promise<Anything> {
    connecting ??= connect();
    connecting.catch(() => {
      connecting = undefined;
    });
    return connecting;
  }
  return {
    subscribe: async channel => (await connected()).subscribe([channel], SUBSCRIBE_MS),
    unsubscribe: async channel => (await connected()).unsubscribeLazy([channel]),
    close() {
      isClosed = true;
      connecting?.then(connection => connection.close()).catch(() => {});
    },
  };
}
