import { DurableObject } from "cloudflare:workers";
import { createIdempotency } from "with-idempotency";
import { durableObjectStore } from "with-idempotency/sqlite";
import { type Conformance, conformance } from "../conformance.ts";

const LONG = { ttlMs: 60_000, leaseMs: 30_000 };

/** An object that keeps keys, and does what the tests ask. */
export class Tested extends DurableObject<{ DB: D1Database }> {
  readonly #idempotency = createIdempotency({ store: durableObjectStore(this.ctx.storage), lease: "1s" });
  #runs = 0;
  readonly #finish: (() => void)[] = [];

  conformance(): Promise<Conformance> {
    const { storage } = this.ctx;
    return conformance({
      create: table => durableObjectStore(storage, { table }),
      atOnce: 30,
      count: async table => this.#count(table),
    });
  }

  #count(table: string): number {
    return [...this.ctx.storage.sql.exec(`SELECT key FROM ${table}`).raw()].length;
  }

  /** A call whose `fn` goes on until `finish`. */
  async run(key: string) {
    const begun = this.#idempotency.execute(key, "1m", async () => {
      this.#runs++;
      await new Promise<void>(resolve => this.#finish.push(resolve));
      return this.#runs;
    });
    return begun.then(({ value, replayed }) => ({ value, replayed }));
  }

  /** Lets all go on, once so many calls have begun to run. */
  async finish(runs: number) {
    while (this.#finish.length < runs) await new Promise(resolve => setTimeout(resolve, 5));
    for (const end of this.#finish.splice(0)) end();
  }

  /** A call that claims its key, and never comes to an end: the object does, once something went out or before. */
  async dieIn(key: string, sends: boolean) {
    const fn = async () => {
      if (sends) await this.env.DB.prepare("SELECT 1").all();
      this.ctx.abort("evicted");
    };
    await this.#idempotency.execute(key, "1m", fn);
  }

  /** What a call gives: the code of its error, or how it came by its value. */
  async attempt(key: string, rerun = false): Promise<string> {
    const onUncertain = rerun ? "rerun" : "reject";
    return this.#idempotency
      .execute(key, "1m", () => "ran", { onUncertain, onConflict: "reject" })
      .then(({ value, attempt, replayed }) => `${value} ${attempt}${replayed ? ", replayed" : ""}`)
      .catch(error => error.code);
  }

  async state(key: string) {
    return (await this.#idempotency.inspect(key))?.state;
  }

  /** `deleteAll` takes the table too: what is asked next makes it again. */
  async deleteAll() {
    const before = await this.attempt("deleted");
    await this.ctx.storage.deleteAll();
    return [before, await this.state("deleted"), await this.attempt("deleted")];
  }

  /** Records past their time go along with claims; nothing is kept awake for them. */
  async purging() {
    const { storage } = this.ctx;
    const store = durableObjectStore(storage, { table: "purged", purgeEvery: "1s" });
    const claims = Array.from({ length: 150 }, (_, n) => ({ key: `${n}`, request: { token: "t", ...LONG } }));
    await store.claimMany!(claims);
    storage.sql.exec("UPDATE purged SET purge_at = 1, expires_at = 1");
    const counts = [this.#count("purged")];
    // As in an object that was started anew: it has removed nothing yet.
    const another = durableObjectStore(
      { sql: storage.sql, transactionSync: act => storage.transactionSync(act) },
      { table: "purged" },
    );
    for (const key of ["a", "b", "c"]) {
      another.claim(key, { token: "t", ...LONG });
      counts.push(this.#count("purged"));
    }
    return [...counts, await storage.getAlarm()];
  }

  /** Where some of many fails, nothing of the transaction stands, and each is done alone. */
  async batchWithFault() {
    const store = durableObjectStore(this.ctx.storage);
    const items = [1, 2, 3].map(n => ({ key: `fault:${n}`, token: `t${n}` }));
    await store.claimMany!(items.map(({ key, token }) => ({ key, request: { token, ...LONG } })));
    this.ctx.storage.sql.exec("UPDATE idempotency_keys SET version = 99 WHERE key = 'fault:2'");
    const answers = await store.completeMany!(
      items.map(item => ({ ...item, outcome: "sent", ttlMs: 60_000 })),
    );
    return answers.map(answer => (answer instanceof Error ? (answer as { code?: string }).code : answer));
  }

  refused() {
    const refusal = (value: unknown) => {
      try {
        durableObjectStore(value as never);
        return "none";
      } catch (error) {
        return (error as Error).message;
      }
    };
    return [refusal(this.ctx), refusal(this.ctx.storage.sql), refusal(this.env)];
  }
}

/** An object of a class without SQLite. */
export class Old extends DurableObject {
  refused() {
    try {
      durableObjectStore(this.ctx.storage);
      return "none";
    } catch (error) {
      return (error as Error).message;
    }
  }
}
