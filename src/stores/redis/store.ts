import type {
  ClaimItem,
  ClaimRequest,
  ClaimResult,
  CompleteItem,
  Each,
  IdempotencyStore,
  ListedRecord,
  ListQuery,
  ReleaseItem,
  RenewItem,
  Seen,
  StoreRecord,
} from "../../contract/store.ts";
import { invalidOption } from "../../contract/validate.ts";
import { detached } from "../../util/detached.ts";
import { notify } from "../../util/notify.ts";
import { warnProcess } from "../../util/warn-process.ts";
import { storableText, storableWord } from "../shared/record.ts";
import type { StoreWarning } from "../shared/warning.ts";
import { claiming, claimingMany } from "./claim.ts";
import type { Connection, RedisClient, RedisCommands } from "./client.ts";
import { RedisHints } from "./hints.ts";
import { listRecords } from "./list.ts";
import { type Ask, asking, type Question } from "./many.ts";
import { naming } from "./names.ts";
import { type RedisStoreOptions, readRedisOptions } from "./options.ts";
import { commandsOf } from "./recognise.ts";
import { confirmed, confirmedMany } from "./replicas.ts";
import { explain, storeRecord, yesOrNo } from "./replies.ts";
import type { RedisScript } from "./script-parts.ts";
import {
  COMPLETE,
  COMPLETE_MANY,
  FORGET,
  FORGET_SEEN,
  READ,
  RELEASE,
  RELEASE_MANY,
  RENEW,
  RENEW_MANY,
  REOPEN,
  SETTLE,
} from "./scripts.ts";

class RedisStore implements IdempotencyStore {
  /** Absent if the client cannot be duplicated: waiters then poll. */
  readonly settled?: (key: string, signal: AbortSignal) => Promise<void>;
  readonly #commands: RedisCommands;
  readonly #claim = claiming();
  readonly #ask: Ask;
  readonly #claimMany: ReturnType<typeof claimingMany>;
  readonly #prefix: string;
  readonly #name: (key: string) => string;
  readonly #replicas: RedisStoreOptions["replicas"];
  #onWarning: ((warning: StoreWarning) => void) | undefined;

  constructor(client: RedisClient, options: RedisStoreOptions) {
    const { prefix = "idempotency:", replicas, onWarning = warnProcess } = readRedisOptions(options);
    this.#commands = commandsOf(client);
    if (replicas !== undefined && !this.#commands.canWait) {
      const got = this.#commands.isCluster ? "a cluster's client" : "a client that speaks HTTP";
      invalidOption("replicas", "a connection to a single primary, for WAIT asks one node", got);
    }
    this.#ask = asking(this.#commands.isCluster);
    this.#claimMany = claimingMany(this.#ask, this.#claim);
    this.#prefix = prefix;
    this.#name = naming(prefix);
    this.#replicas = replicas;
    this.#onWarning = onWarning;
    const { subscriber } = this.#commands;
    if (subscriber === undefined) return;
    const hints = new RedisHints(subscriber);
    this.settled = (key, signal) => hints.wait(this.#name(key), signal);
  }

  // None of these is async: one promise each is all that they need beside the client's.
  claim(key: string, request: ClaimRequest): Promise<ClaimResult> {
    const claim = (connection: Connection) => this.#claim(connection, this.#name(key), request);
    const replicas = this.#replicas;
    const answer =
      replicas === undefined
        ? claim(this.#commands)
        : this.#commands.onOne(one => confirmed(one, () => claim(one), replicas)).catch(explain);
    this.#warnOnce();
    return answer;
  }

  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#yes(RENEW, key, token, `${leaseMs}`);
  }

  complete(key: string, token: string, outcome: string, ttlMs: number): Promise<boolean> {
    return this.#yes(COMPLETE, key, token, `${ttlMs}`, storableText(outcome));
  }

  release(key: string, token: string): Promise<boolean> {
    return this.#yes(RELEASE, key, token);
  }

  settle(key: string, outcome: string, ttlMs: number, seen?: Seen): Promise<boolean> {
    return this.#yes(SETTLE, key, "", `${ttlMs}`, storableText(outcome), ...seenWords(seen));
  }

  reopen(key: string, seen?: Seen): Promise<boolean> {
    return this.#yes(REOPEN, key, "", ...seenWords(seen));
  }

  read(key: string): Promise<StoreRecord | undefined> {
    return this.#run(READ, key, [], storeRecord);
  }

  list(query: ListQuery): AsyncIterable<ListedRecord> {
    return listRecords(this.#commands, this.#prefix, query);
  }

  forget(key: string, seen?: Seen): Promise<boolean> {
    return this.#yes(seen === undefined ? FORGET : FORGET_SEEN, key, "", ...seenWords(seen));
  }

  claimMany(items: readonly ClaimItem[]): Promise<Each<ClaimResult>[]> {
    const named = items.map(({ key, request }) => ({ name: this.#name(key), request }));
    const claims = (connection: Connection) => this.#claimMany(connection, named);
    const replicas = this.#replicas;
    const answers =
      replicas === undefined
        ? claims(this.#commands)
        : this.#commands.onOne(one => confirmedMany(one, () => claims(one), replicas)).catch(explain);
    this.#warnOnce();
    return answers;
  }

  renewMany(items: readonly RenewItem[]): Promise<Each<boolean>[]> {
    return this.#yesMany(RENEW_MANY, items, ({ key, token, leaseMs }) => ({
      args: [`${leaseMs}`],
      alone: () => this.renew(key, token, leaseMs),
    }));
  }

  completeMany(items: readonly CompleteItem[]): Promise<Each<boolean>[]> {
    return this.#yesMany(COMPLETE_MANY, items, ({ key, token, outcome, ttlMs }) => ({
      args: [`${ttlMs}`, storableText(outcome)],
      alone: () => this.complete(key, token, outcome, ttlMs),
    }));
  }

  releaseMany(items: readonly ReleaseItem[]): Promise<Each<boolean>[]> {
    return this.#yesMany(RELEASE_MANY, items, ({ key, token }) => ({
      args: [],
      alone: () => this.release(key, token),
    }));
  }

  #yesMany<Item extends ReleaseItem>(
    script: RedisScript,
    items: readonly Item[],
    of: (item: Item) => Pick<Question<boolean>, "args" | "alone">,
  ): Promise<Each<boolean>[]> {
    const questions = items.map(item => {
      const name = this.#name(item.key);
      const { args, alone } = of(item);
      return { name, args: [storableWord(item.token), name, ...args], read: yesOrNo, alone };
    });
    return this.#ask(this.#commands, script, questions);
  }

  #yes(script: RedisScript, key: string, token: string, ...args: string[]): Promise<boolean> {
    return this.#run(script, key, [storableWord(token), this.#name(key), ...args], yesOrNo);
  }

  #run<T>(script: RedisScript, key: string, args: string[], read: (reply: unknown) => T): Promise<T> {
    return this.#commands.run(script, this.#name(key), ...args).then(read, explain);
  }

  #warnOnce(): void {
    const warn = this.#onWarning;
    if (warn === undefined) return;
    this.#onWarning = undefined;
    detached(() => {
      evictingPolicy(this.#commands).then(
        policy => policy !== undefined && notify(warn, evictionWarning(policy)),
        // A server that may not be asked, or is down: nothing that a claim would not say itself.
        () => {},
      );
    });
  }
}

/** S11: the claim that was seen, as the scripts compare it. */
function seenWords(seen: Seen | undefined): string[] {
  return seen === undefined ? [] : [storableWord(seen.runId), `${seen.attempt}`];
}

/** The policy by which the server may drop keys; undefined where it drops none. */
async function evictingPolicy({ command }: RedisCommands): Promise<string | undefined> {
  const info = String(await command("INFO", "memory"));
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  const isLimited = !/^maxmemory:0\s*$/m.test(info);
  return isLimited && policy !== "noeviction" ? policy : undefined;
}

function evictionWarning(policy: string): StoreWarning {
  return {
    code: "EVICTING_POLICY",
    message: `Redis may evict idempotency keys early, and their side effects may then run again: its maxmemory-policy is ${policy}; expected noeviction`,
  };
}

/**
 * Returns a store in Redis, shared by many processes and machines. Each record is one key with Redis' own expiry.
 * Each operation is one command or script in one round trip. A claim of a key that is held or released takes two,
 * and the store's first claim is a script. Waiting calls are woken by a message on a channel named like the key.
 * While somebody waits, the store opens one more connection for that.
 *
 * How much it promises depends on the server. If Redis forgets a claim (by a failover before replication, a
 * restart without an append-only file, or eviction), the claim no longer protects. See the guide to Redis.
 *
 * @param client of ioredis 5 or 6 (`Redis` or `Cluster`), iovalkey, node-redis 5 or 6 (`createClient`, `createCluster`,
 * `createClientPool` or `createSentinel`), Valkey GLIDE 2 (`GlideClient` or `GlideClusterClient`), connected, or
 * @upstash/redis; the caller owns and closes it
 * @throws InvalidOptionError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 * import { createIdempotency } from "with-idempotency";
 * import { redisStore } from "with-idempotency/redis";
 *
 * const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379");
 * const { withIdempotency } = createIdempotency({ store: redisStore(redis) });
 * console.log(await withIdempotency(["order-shipped", crypto.randomUUID()], "24h", () => "sent")); // → sent
 * redis.disconnect();
 * ```
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): IdempotencyStore {
  return new RedisStore(client, options);
}
