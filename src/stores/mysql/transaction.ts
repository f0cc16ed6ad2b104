import { StoreError } from "../../contract/errors.ts";
import type { IdempotencyStore } from "../../contract/store.ts";
import { invalidOption } from "../../contract/validate.ts";
import { ADVICE, newLine, storeOnTransaction } from "../sql/transaction.ts";
import {
  errnoOf,
  expectClient,
  isUncommitted,
  type MysqlAnswer,
  type MysqlClient,
  type MysqlConnection,
} from "./client.ts";
import { type Ask, type MysqlOperation, mysqlOperations } from "./operations.ts";
import { explained, send } from "./server.ts";
import { textsOf, written } from "./statements.ts";

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

/** A store whose records come and go with the transaction that is open on the connection. */
export function transactionStore(connection: MysqlClient, table: string): IdempotencyStore {
  const client = expectConnection(connection);
  const texts = textsOf(table, true);
  const line = newLine();
  let isOpen: Promise<unknown> | undefined;

  const sent: Ask = async (operation, values) => {
    // Without a transaction, what is written first would stand.
    isOpen ??= send(client, "DO 0").then(expectOpen);
    await isOpen;
    line.expectWhole();
    const answer = await send(client, written(texts[operation], values));
    expectOpen(answer);
    return answer;
  };
  // A deadlock has ended the transaction, so that each further statement would stand by itself.
  const ask: Ask = (operation, values) =>
    line.send(values.key, !READING.includes(operation), () =>
      sent(operation, values).catch(error => {
        throw explained(error, table);
      }),
    );
  return storeOnTransaction(line, mysqlOperations(ask), hasEnded);
}

const READING: readonly MysqlOperation[] = ["read", "list", "listResults"];

function expectOpen({ status }: MysqlAnswer): void {
  if (status !== undefined && !isUncommitted(status)) throw new StoreError(ENDED);
}

const DEADLOCK = 1213;
const hasEnded = (error: unknown) => errnoOf(error) === DEADLOCK || error instanceof StoreError;
