import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { invalidOption } from "../../contract/validate.ts";
import { ADVICE, newLine, storeOnTransaction } from "../sql/transaction.ts";
import { codeOf, expectClient, type PostgresClient, transactionStatus } from "./client.ts";
import { type Ask, postgresOperations } from "./operations.ts";
import { explaining, rowsOf } from "./server.ts";
import { isReading, type PostgresOperation, type PostgresStatements } from "./statements.ts";

const ABORTED = "25P02";

/** Throws `INVALID_OPTION` where the client is known to have no open transaction. */
function expectTransaction(client: PostgresClient): void {
  expectClient("client", client);
  const expected = "the client on which a transaction is open; await its BEGIN first";
  const { totalCount } = client as { totalCount?: unknown };
  if (typeof totalCount === "number") invalidOption("client", `${expected}, not the pool`, client);
  if (transactionStatus(client) === "I") invalidOption("client", expected, "one without a transaction");
}

const isClaim = (operation: PostgresOperation) => operation === "claim" || operation === "take";

function expectOpen(client: PostgresClient): void {
  if (transactionStatus(client) === "I") throw new StoreError(`the transaction has ended: ${ADVICE}`);
}

/** A store whose records come and go with the transaction that is open on the client. */
export function transactionStore(
  client: PostgresClient,
  table: string,
  statements: PostgresStatements,
): IdempotencyStore {
  expectTransaction(client);
  const line = newLine();
  // After an error the transaction can only be rolled back.
  const ask: Ask = (operation, values) =>
    line.send(values.key, !isReading(operation), async () => {
      expectOpen(client);
      const answer = await explaining(table, () => client.query(statements(operation, values)));
      // A `COMMIT` may have waited to be sent before it. What was claimed then stands by itself, and would stay.
      const isOver = transactionStatus(client) === "I";
      // Where that fails, too, the caller is still told why its call fails.
      if (isOver && isClaim(operation))
        await client.query(statements("release", values)).then(undefined, () => {});
      expectOpen(client);
      return rowsOf(answer);
    });
  // Nobody is notified: nothing that is not committed can be waited for by anybody but at the server.
  return storeOnTransaction(line, postgresOperations(ask), hasEnded);
}

const hasEnded = (error: unknown) => codeOf(error) === ABORTED || error instanceof StoreError;
