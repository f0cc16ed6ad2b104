import type { D1Answer, D1Client, D1Statement } from "with-idempotency/sqlite";

/** What is sent to D1 in one round trip. */
export interface Trip {
  /** The statements, in order. */
  sql: string[];
  /** Sends them. */
  send(): Promise<D1Answer[]>;
}

/** A real database whose every round trip goes through `around`: to count, to hold up, or to cut it. */
export function hooked(real: D1Client, around: (trip: Trip) => Promise<D1Answer[]>): D1Client {
  interface Hooked extends D1Statement {
    readonly sql: string;
    readonly real: D1Statement;
  }
  const wrap = (sql: string, statement: D1Statement): Hooked => ({
    sql,
    real: statement,
    bind: (...values) => wrap(sql, statement.bind(...values)),
    async all() {
      return (await around({ sql: [sql], send: async () => [await statement.all()] }))[0]!;
    },
  });
  return {
    prepare: sql => wrap(sql, real.prepare(sql)),
    batch(statements) {
      const all = statements as Hooked[];
      return around({ sql: all.map(({ sql }) => sql), send: () => real.batch(all.map(each => each.real)) });
    },
  };
}

/** A database that answers as Cloudflare does when a connection breaks: before or after a trip was served. */
export function cutting(real: D1Client, message: string, cuts: readonly ("before" | "after" | "not")[]) {
  const left = [...cuts];
  return hooked(real, async ({ send }) => {
    const cut = left.shift();
    if (cut === "before") throw new Error(message);
    const answers = await send();
    if (cut === "after") throw new Error(message);
    return answers;
  });
}
