import type { RedisScript } from "./script-parts.ts";

/** What the store uses of a client of ioredis or iovalkey: a `Redis` or a `Cluster`. */
export interface IoredisLike {
  evalsha(...args: [sha1: string, keys: number, ...args: (string | number)[]]): Promise<unknown>;
  eval(...args: [script: string, keys: number, ...args: (string | number)[]]): Promise<unknown>;
  createBuiltinCommand: unknown;
  duplicate?: unknown;
}

/** What the store uses of a client of node-redis: of `createClient`, `createCluster`, `createClientPool` or `createSentinel`. */
export interface NodeRedisLike {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  set: unknown;
  sendCommand: unknown;
  readonly isOpen: boolean;
  duplicate?: unknown;
}

/** What the store uses of a client of Valkey GLIDE: a `GlideClient` or a `GlideClusterClient`. */
export interface GlideLike {
  customCommand(args: string[]): Promise<unknown>;
  invokeScript: unknown;
}

/** What the store uses of a client of @upstash/redis. */
export interface UpstashLike {
  evalsha(sha1: string, keys: string[], args: string[]): Promise<unknown>;
  eval(script: string, keys: string[], args: string[]): Promise<unknown>;
  scan: unknown;
  createScript: unknown;
}

/**
 * A client that the caller made and owns: of ioredis 5 or 6, iovalkey, node-redis 5 or 6, or Valkey GLIDE 2, those of a
 * cluster, a pool and sentinels included, or Upstash's, which speaks HTTP.
 */
export type RedisClient = IoredisLike | NodeRedisLike | GlideLike | UpstashLike;

// biome-ignore lint/suspicious/noExplicitAny: no client's types are imported; their overloads differ, and what is used is checked.
export type Anything = any;

/** A connection that hears of messages on channels. */
export interface Subscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

/** What one connection can do. */
export interface Connection {
  /** Keeps the text for `ms` if the key is absent; answers with what is there otherwise. For Redis 7 and later. */
  add(key: string, text: string, ms: number): Promise<unknown>;
  run(script: RedisScript, key: string, ...args: string[]): Promise<unknown>;
  /** A script of many keys, which a cluster takes only if they are in one slot. */
  runMany(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** What that sends before it returns goes out in one write for each connection. */
  together<T>(send: () => T): T;
  command(name: string, ...args: string[]): Promise<unknown>;
}

/** What every client can do, in one form. */
export interface RedisCommands extends Connection {
  /**
   * Opens a connection beside the client's own, which calls `publish` with the channel of each message, emits no error
   * and does not keep the process alive. Undefined if the client cannot be duplicated.
   */
  readonly subscriber: ((publish: (channel: string) => void) => Subscriber) | undefined;
  /** Does something on one connection, which nobody else uses meanwhile if the client has several. */
  onOne<T>(act: (connection: Connection) => Promise<T>): Promise<T>;
  readonly isCluster: boolean;
  /** Whether `WAIT` can be asked on the connection that wrote. */
  readonly canWait: boolean;
  /** A connection to each master: the one there is, but for a cluster. Each holds keys of its own. */
  masters(): Promise<readonly Pick<Connection, "command">[]>;
}

/**
 * Runs a script by its name, or by its text if the server does not know it: Redis forgets its scripts when it restarts,
 * and a replica or another node of a cluster may not know them yet.
 */
export async function byName(run: () => Promise<unknown>, load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (messageOf(error).startsWith("NOSCRIPT")) return load();
    throw error;
  }
}

/** What an error says, as a text whatever its message is. Never throws, so that the error itself is not lost. */
export function messageOf(error: unknown): string {
  try {
    return String((error as Error).message);
  } catch {
    return "";
  }
}
