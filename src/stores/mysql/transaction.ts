import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { invalidOption } from "../../contract/validate.ts";
import {
  expectClient,
  isUncommitted,
  type MysqlAnswer,
  type MysqlClient,
  type MysqlConnection,
} from "./client.ts";
import { type Ask, mysqlOperations } from "./operations.ts";
import { explained, send } from "./server.ts";
import { textsOf, written } from "./statements.ts";

const ADVICE = "roll the transaction back, and make a new store of inTransaction for the next";
const ENDED = `connection: expected one on which a transaction is open; await its beginTransaction() first, and ${ADVICE}`;

/** Throws `INVALID_OPTION` where it is a pool, of which each statement may have another connection. */
function expectConnection(connection: MysqlClient): MysqlConnection {
  const client = expectClient("connection", connection);
  if (typeof (connection as { getConnection?: unknown }).getConnection === "function") {
    const expected = "the connection on which a transaction is open; await its beginTransaction() first";
    invalidOption("connection", `${expected}, not the pool`, connection);
  }
  return client;
}

/** Statements on a caller's transaction, until one of them fails or gets no answer in time. */
interface Line {
  ask: Ask;
  /** The next operation on a key comes before the answer to the last one only where nobody waits for that any more. */
  goOn(key: string | undefined): void;
  /** Throws what has cut it. */
  expectWhole(): void;
  /** Whether nothing more is sent, because the next user of the connection must not meet our statements. */
  readonly isCut: boolean;
  cut(error: unknown): void;
}

function lineTo(client: MysqlConnection, table: string): Line {
  const texts = textsOf(table, true);
  let failure: { error: unknown } | undefined;
  let isOpen: Promise<unknown> | undefined;
  const unanswered = new Set<string | undefined>();

  function expectOpen({ status }: MysqlAnswer): void {
    if (status !== undefined && !isUncommitted(status)) throw new StoreError(ENDED);
  }

  async function ask(...[operation, values]: Parameters<Ask>): ReturnType<Ask> {
    // Only the engine's word is behind all others: who looks up a key meanwhile ends nothing.
    const writes = operation !== "read" && operation !== "list" && operation !== "listResults";
    if (writes) line.goOn(values.key);
    line.expectWhole();
    if (writes) unanswered.add(values.key);
    try {
      // Without a transaction, what is written first would stand.
      isOpen ??= send(client, "DO 0").then(expectOpen);
      await isOpen;
      line.expectWhole();
      const answer = await send(client, written(texts[operation], values));
      expectOpen(answer);
      return answer;
    } catch (error) {
      // A deadlock has ended the transaction, so that each further statement would stand by itself.
      const why = explained(error, table);
      line.cut(why);
      throw why;
    } finally {
      if (writes) unanswered.delete(values.key);
    }
  }

  const line: Line = {
    ask,
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

/** A store whose records come and go with the transaction that is open on the connection. */
export function transactionStore(connection: MysqlClient, table: string): IdempotencyStore {
  const line = lineTo(expectConnection(connection), table);
  const operations = mysqlOperations(line.ask);
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
      try {
        // What a claim that failed or came too late left behind is freed by the rollback.
        const isOurs = isHeld(key, token);
        return line.isCut || (isOurs && (await operations.release(key, token)));
      } catch (error) {
        if (line.isCut) return true;
        throw error;
      }
    },
  };
}
