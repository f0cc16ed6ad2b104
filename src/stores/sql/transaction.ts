import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";

/** What to do with a transaction that is over, or that nothing more is sent on. */
export const ADVICE = "roll the transaction back, and create a new inTransaction store for the next one";

/** Statements on a caller's transaction, until one of them fails or gets no answer in time. */
export interface Line {
  /** Sends a statement and cuts the line where it fails. `writes` says whether it is the engine's, which go one by one. */
  send<T>(key: string | undefined, writes: boolean, statement: () => Promise<T>): Promise<T>;
  /** The next operation on a key comes before the answer to the last one only where nobody waits for that any more. */
  goOn(key: string | undefined): void;
  /** Throws what has cut it. */
  expectWhole(): void;
  /** Whether nothing more is sent, because the next user of the client must not meet our statements. */
  readonly isCut: boolean;
  cut(error: unknown): void;
}

/** Makes a {@link Line}, whole. */
export function newLine(): Line {
  let failure: { error: unknown } | undefined;
  const unanswered = new Set<string | undefined>();
  const line: Line = {
    async send(key, writes, statement) {
      // Only the engine's word is behind all others: who looks up a key meanwhile ends nothing.
      if (writes) line.goOn(key);
      line.expectWhole();
      if (writes) unanswered.add(key);
      try {
        return await statement();
      } catch (error) {
        line.cut(error);
        throw error;
      } finally {
        if (writes) unanswered.delete(key);
      }
    },
    goOn(key) {
      if (unanswered.has(key)) line.cut(new StoreError(`no answer in time: ${ADVICE}`));
    },
    expectWhole() {
      if (failure !== undefined) throw failure.error;
    },
    get isCut() {
      return failure !== undefined;
    },
    cut(error) {
      failure ??= { error };
    },
  };
  return line;
}

/** A store whose records come and go with the transaction that the operations' statements are sent on. */
export function storeOnTransaction(
  line: Line,
  operations: IdempotencyStore,
  hasEnded: (error: unknown) => boolean,
): IdempotencyStore {
  const held = new Map<string, string>();
  const isHeld = (key: string, token: string) => {
    line.goOn(key);
    return held.get(key) === token;
  };

  return {
    ...operations,
    /** Nobody waits any more for what was asked: its answer, however late, brings on no further statement. */
    abandoned() {
      line.cut(new StoreError(`no answer within storeTimeout: ${ADVICE}`));
    },
    async claim(key, request) {
      const answer = await operations.claim(key, request);
      if (answer.status === "claimed") held.set(key, request.token);
      return answer;
    },
    async renew(key, token, leaseMs) {
      // Nobody can take over a row that the transaction has written, and its connection may be busy with `fn`.
      if (leaseMs > 0) return held.get(key) === token;
      return isHeld(key, token) && operations.renew(key, token, leaseMs);
    },
    complete: async (key, token, outcome, ttlMs) =>
      isHeld(key, token) && operations.complete(key, token, outcome, ttlMs),
    async release(key, token) {
      const isOurs = isHeld(key, token);
      // What a claim that failed or came too late left behind is freed by the rollback.
      if (line.isCut) return true;
      try {
        return isOurs && (await operations.release(key, token));
      } catch (error) {
        // By the rollback, too. After any other error a commit may keep the claim, which is not said to be released.
        if (hasEnded(error)) return true;
        throw error;
      }
    },
  };
}
