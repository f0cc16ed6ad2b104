/** A statement as pg's clients take it. */
export interface PostgresQuery {
  text: string;
  values: (string | number | null)[];
  /** Given where the server shall keep the statement prepared under that name. */
  name?: string;
}

/**
 * What can be asked: a `Pool`, a `PoolClient` or a `Client` of pg, or, by an adapter of a line, another client.
 *
 * ```ts
 * // postgres.js
 * const client = {
 *   query: async ({ text, values, name }: PostgresQuery) => ({
 *     rows: await sql.unsafe(text, values, { prepare: name !== undefined }),
 *   }),
 * };
 * ```
 */
export interface PostgresClient {
  /** Answers with the rows, or rejects with the server's error and its `code`. */
  query(query: PostgresQuery): PromiseLike<{ rows: Record<string, unknown>[] }>;
}

/** A connection of its own that is told of notifications: a connected `Client` of pg. */
export interface PostgresListener {
  query(text: string): PromiseLike<unknown>;
  on(
    event: "notification",
    listener: (message: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** The server's `SQLSTATE`, where an error has one. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}
