import { createHash } from "node:crypto";
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { type KvEntry, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { IdempotencyStore } from "with-idempotency";
import * as decide from "./decide.ts";

/** How a `natsStore` is set up. */
export interface NatsStoreOptions {
  /** The bucket's name: letters, digits, `-` and `_`. The store makes it if it is not there. */
  bucket?: string;
  /** On how many servers of a cluster each value is kept. */
  replicas?: number;
}

export interface NatsStore extends IdempotencyStore {
  /** Removes the records that are past their time. The store does so every ten minutes by itself. */
  purge(): Promise<void>;
  /** Ends the timer of that. The connection stays yours. */
  close(): void;
}

const PURGE_MS = 600_000;
// Longer than any record counts: a lease and a ttl of a day each. For what a crash leaves behind.
const BUCKET_TTL_MS = 3 * 86_400_000;
// More than a row takes beside its outcome.
const ROW_BYTES = 16_384;
// The only value that is no record, under a name that no key has.
const CLOCK = "clock";
// What the server answers if somebody wrote since.
const WRONG_LAST_SEQUENCE = [10_071, 10_164];
const NO_MESSAGE = [10_037, 10_043];

/** A store in a bucket of NATS JetStream's key-value store, for any number of processes and machines. */
export async function natsStore(
  connection: NatsConnection,
  options: NatsStoreOptions = {},
): Promise<NatsStore> {
  const { bucket = "idempotency", replicas = 1 } = options;
  // Reads come from the stream's leader: what a replica knows may be older.
  const settings = { history: 1, replicas, ttl: BUCKET_TTL_MS, allow_direct: false };
  const kv = await new Kvm(connection).create(bucket, settings);
  const { streams } = await jetstreamManager(connection);
  const timer = setInterval(() => purge().catch(() => {}), PURGE_MS);
  timer.unref();

  /** The server's time, which it notes with each write: no client's clock decides anything. */
  async function serverNow(): Promise<number> {
    await kv.put(CLOCK, "");
    const entry = await kv.get(CLOCK);
    if (entry === null) throw new Error(`the bucket ${bucket} keeps nothing`);
    return entry.created.getTime();
  }

  /** Compare and set: does nothing and answers false if somebody wrote since that revision. 0 is that of nothing. */
  async function write(
    id: string,
    revision: number,
    row: decide.Row | null,
    outcome?: string,
  ): Promise<boolean> {
    try {
      if (row !== null) await kv.put(id, encode(row, outcome), { previousSeq: revision });
      // By its number in the stream, which no later value has.
      else await streams.deleteMessage(`KV_${bucket}`, revision, false);
      return true;
    } catch (error) {
      const expected = row === null ? NO_MESSAGE : WRONG_LAST_SEQUENCE;
      if (error instanceof JetStreamApiError && expected.includes(error.code)) return false;
      throw error;
    }
  }

  /** Reads, decides and writes; from the beginning if somebody else wrote in between. */
  async function change<T>(
    key: string,
    decision: (found: decide.Found | undefined) => decide.Decision<T>,
  ): Promise<T> {
    const id = idOf(key);
    for (;;) {
      const entry = await kv.get(id);
      const found = entry === null ? undefined : look(entry, await serverNow());
      const { answer, row, outcome } = decision(found);
      if (row === undefined || (await write(id, entry?.revision ?? 0, row, outcome))) return answer;
    }
  }

  /** Every record, expired or not. */
  async function* entries(timeoutMs?: number): AsyncGenerator<KvEntry> {
    const history = await inTime(kv.history(), timeoutMs);
    const iterator = history[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await inTime(iterator.next(), timeoutMs);
        if (done) return;
        if (value.key !== CLOCK && value.operation === "PUT") yield value;
      }
    } finally {
      history.stop();
    }
  }

  // S10
  async function purge(): Promise<void> {
    const now = await serverNow();
    for await (const entry of entries()) if (!look(entry, now)) await write(entry.key, entry.revision, null);
  }

  return {
    // S9: a value is one message, and a text that is no well-formed Unicode takes twice its length.
    maxOutcomeBytes: Math.floor(((connection.info?.max_payload ?? 2 ** 20) - ROW_BYTES) / 2),
    purge,
    close: () => clearInterval(timer),
    async claim(key, request) {
      // Nearly all keys are new: one trip for those, and no look before it.
      const { answer, row } = decide.firstClaim(key, request);
      if (await write(idOf(key), 0, row)) return answer; // S1
      return change(key, found => decide.claim(key, request, found));
    },
    renew: (key, token, leaseMs) => change(key, found => decide.renew(found, token, leaseMs)),
    complete: (key, token, outcome, ttlMs) =>
      change(key, found => decide.complete(found, token, outcome, ttlMs)),
    release: (key, token) => change(key, found => decide.release(found, token)),
    read: key => change(key, found => ({ answer: found && decide.show(found) })),
    settle: (key, outcome, ttlMs, seen) => change(key, found => decide.settle(found, outcome, ttlMs, seen)),
    reopen: (key, seen) => change(key, found => decide.reopen(found, seen)),
    forget: (key, seen) => change(key, found => decide.forget(found, seen)),
    async *list(query) {
      const now = await inTime(serverNow(), query.timeoutMs);
      for await (const entry of entries(query.timeoutMs)) {
        const found = look(entry, now);
        const record = found && decide.listed(found, query);
        if (record !== undefined) yield record;
      }
    },
    async settled(key, signal) {
      const entry = await kv.get(idOf(key));
      if (entry === null || signal.aborted) return;
      // From what was read on: nothing that happens before the watch stands is missed.
      const watch = await kv.watch({ key: idOf(key), resumeFromRevision: entry.revision + 1 });
      const stop = () => watch.stop();
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      for await (const _ of watch) break;
      signal.removeEventListener("abort", stop);
    },
  };
}

// S9: keys differ by every code unit, and a subject takes few characters.
const idOf = (key: string) => createHash("sha256").update(Buffer.from(key, "utf16le")).digest("hex");

/** The row as a line of JSON, and the outcome behind it as it is. */
function encode(row: decide.Row, outcome = ""): Uint8Array {
  // Half of a surrogate pair has no UTF-8.
  const text = outcome.isWellFormed() ? "utf8" : "utf16le";
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...row, text })}\n`), Buffer.from(outcome, text)]);
}

/** What a value says, by the server's time. Throws for what it cannot read: that is never taken for absent. */
function look({ key, value, created }: KvEntry, now: number): decide.Found | undefined {
  const bytes = Buffer.from(value);
  const end = bytes.indexOf("\n");
  const { text, ...row } = JSON.parse(bytes.toString("utf8", 0, end));
  if (row.version !== 1) throw new Error(`${key} is no record of this version`);
  return decide.look(row, bytes.toString(text, end + 1), created.getTime(), now);
}

/** Rejects if the promise takes longer. */
function inTime<T>(promise: Promise<T>, timeoutMs?: number): Promise<T> {
  if (timeoutMs === undefined) return promise;
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
