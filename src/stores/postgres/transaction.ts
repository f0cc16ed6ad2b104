import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { invalidOption } from "../../contract/validate.ts";
import { codeOf, expectClient, type PostgresClient, transactionStatus } from "./client.ts";
import { type Ask, postgresOperations } from "./operations.ts";
import { rowsOf } from "./server.ts";
import { isReading, type PostgresStatements } from "./statements.ts";

const ABORTED = "25P02";
const ADVICE = "roll the transaction back, and make a new store of inTransaction for the next";

/** Throws `INVALID_OPTION` where the client is known to have no open transaction. */
function expectTransaction(client: PostgresClient): void {
  expectClient("client", client);
  const expected = "the client on which a transaction is open; await its BEGIN first";
  const { totalCount } = client as { totalCount?: unknown };
  if (typeof totalCount === "number") invalidOption("client", `${expected}, not the pool`, client);
  if (transactionStatus(client) === "I") invalidOption("client", expected, "one without a transaction");
}

/** Statements on a caller's transaction, until one of them fails or gets no answer in time. */
interface Line {
  ask: Ask;
  /** The next operation on a key comes before the answer to the last one only where nobody waits for that any more. */
  goOn(key: string | undefined): void;
  /** Whether nothing more is sent, because the next user of the client must not meet our statements. */
  readonly isCut: boolean;
  cut(error: unknown): void;
}

function lineTo(client: PostgresClient, statements: PostgresStatements): Line {
  let failure: { error: unknown } | undefined;
  const unanswered = new Set<string | undefined>();

  async function ask(...[operation, values]: Parameters<Ask>): ReturnType<Ask> {
    // Only the engine's word is behind all others: who looks up a key meanwhile ends nothing.
    const writes = !isReading(operation);
    if (writes) line.goOn(values.key);
    if (transactionStatus(client) === "I") line.cut(new StoreError(`the transaction has ended: ${ADVICE}`));
    if (failure !== undefined) throw failure.error;
    if (writes) unanswered.add(values.key);
    try {
      return rowsOf(await client.query(statements(operation, values)));
    } catch (error) {
      // After an error the transaction can but be rolled back.
      line.cut(error);
      throw error;
    } finally {
      if (writes) unanswered.delete(values.key);
    }
  }

  const line: Line = {
    ask,
    goOn(key) {
      if (unanswered.has(key)) line.cut(new StoreError(`no answer in time: ${ADVICE}`));
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

/** A store whose records come and go with the transaction that is open on the client. */
export function transactionStore(client: PostgresClient, statements: PostgresStatements): IdempotencyStore {
  expectTransaction(client);
  const line = lineTo(client, statements);
  // Nobody is notified: nothing that is not committed can be waited for by anybody but at the server.
  const operations = postgresOperations(line.ask);
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
        if (line.isCut && (codeOf(error) === ABORTED || error instanceof StoreError)) return true;
        throw error;
      }
    },
  };
}
