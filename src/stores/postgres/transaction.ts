import type { IdempotencyStore } from "../../contract/store.ts";
import { expectMethods, invalidOption } from "../../contract/validate.ts";
import { codeOf, type PostgresClient } from "./client.ts";
import { type Ask, postgresOperations } from "./operations.ts";
import type { PostgresStatements } from "./statements.ts";

const ABORTED = "25P02";

/** What pg's clients tell beside what every client has. */
interface Tells {
  getTransactionStatus?(): unknown;
  totalCount?: unknown;
}

/** Throws `INVALID_OPTION` where the client is known to have no open transaction. */
function expectTransaction(client: PostgresClient & Tells): void {
  expectMethods("client", "a Client of pg, or an adapter with query", ["query"], client);
  const expected = "the client on which a transaction is open; await its BEGIN first";
  if (typeof client.totalCount === "number") invalidOption("client", `${expected}, not the pool`, client);
  if (client.getTransactionStatus?.() === "I") invalidOption("client", expected, "one without a transaction");
}

/** A store whose records come and go with the transaction that is open on the client. */
export function transactionStore(
  client: PostgresClient,
  statements: PostgresStatements,
  notifiedTable: string | undefined,
): IdempotencyStore {
  expectTransaction(client);
  const held = new Map<string, string>();
  let failure: { error: unknown } | undefined;

  // After an error the transaction can but be rolled back, and who has the client next shall not meet our statements.
  const ask: Ask = async (operation, values) => {
    if (failure !== undefined) throw failure.error;
    try {
      return (await client.query(statements(operation, values))).rows;
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const operations = postgresOperations(ask, notifiedTable);

  return {
    ...operations,
    async claim(key, request) {
      const answer = await operations.claim(key, request);
      if (answer.status === "claimed") held.set(key, request.token);
      return answer;
    },
    async renew(key, token, leaseMs) {
      // Nobody can take over a row that the transaction has written, and its connection may be busy with `fn`.
      if (leaseMs > 0 && held.get(key) === token) return true;
      return operations.renew(key, token, leaseMs);
    },
    async release(key, token) {
      try {
        return failure !== undefined || (await operations.release(key, token));
      } catch (error) {
        // The rollback frees the key.
        if (codeOf(error) === ABORTED) return true;
        throw error;
      }
    },
  };
}
