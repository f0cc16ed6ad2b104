import pg from "pg";
import { startPostgres } from "../test/support/servers/postgres.ts";
import { postgresSchema } from "../src/stores/postgres/store.ts";
import { batchAsk } from "../src/stores/postgres/batch-statements.ts";
const server = await startPostgres({});
const c = new pg.Client(server.url); await c.connect();
await c.query(postgresSchema("k"));
let q: any; const grab = { query: async (x: any) => { q = x; return { rows: [] }; } };
const many = batchAsk(grab as any, '"k"', { prepare: true, notify: true });
const items = Array.from({ length: 200 }, (_, n) => ({ key: "key" + n, token: "t" + n, ttl: 300000, lease: 30000, fingerprint: undefined, outcome: '{"a":1}', channel: "c", hint: "h" }));
for (const fill of [0, 100, 50000]) {
  if (fill) await c.query(`INSERT INTO k (key, version, attempt, ttl_ms, lease_until, expires_at, purge_at, run_id, outcome) SELECT 'filled-' || n || '-${fill}', 1, 1, 1000, 0, 9e15, 9e15, 'run', 'x' FROM generate_series(1, ${fill}) AS n`);
  for (const op of ["claim", "complete"] as const) {
    await many(op, items as any);
    if (fill === 0) console.log(q.text);
    for (const mode of ["force_generic_plan", "force_custom_plan"]) {
      await c.query(`SET plan_cache_mode = ${mode}`);
      await c.query("DEALLOCATE ALL");
      await c.query(`PREPARE p AS ${q.text}`);
      const lit = q.values.map((v: string) => `'${v.replaceAll("'", "''")}'`).join(",");
      await c.query("BEGIN");
      const { rows } = await c.query(`EXPLAIN (ANALYZE, COSTS ON, TIMING OFF) EXECUTE p(${lit})`);
      await c.query("ROLLBACK");
      const plan = rows.map((r: any) => r["QUERY PLAN"]).join("\n");
      console.log(fill, op, mode, /Seq Scan on k/.test(plan) ? "SEQ SCAN" : "index", /Planning Time.*\n.*/.exec(plan)?.[0].replace("\n", " "));
      if (process.env["VERBOSE"] && mode === "force_generic_plan") console.log(plan);
    }
  }
}
await c.end(); await server.stop();
