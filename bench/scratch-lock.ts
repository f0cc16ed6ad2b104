import pg from "pg";
import { startPostgres } from "../test/support/servers/postgres.ts";
import { postgresSchema } from "../src/stores/postgres/store.ts";
import { batchAsk } from "../src/stores/postgres/batch-statements.ts";
const server = await startPostgres({});
const c = new pg.Client(server.url); await c.connect();
await c.query(postgresSchema("k"));
const N = Number(process.argv[2] ?? 60);
const asis = batchAsk(c as any, '"k"', { prepare: true, notify: false });
const nolock = batchAsk({ query: (q: any) => c.query({ ...q, name: q.name + "n", text: q.text.replace(/ CROSS JOIN LATERAL \(\n.*SKIP LOCKED\n\) AS r/, "") }) } as any, '"k"', { prepare: true, notify: false });
let seq = 0; const V = { asis, nolock } as const; const T: Record<string, number[]> = { asis: [], nolock: [], claim: [], solo: [] };
for (let r = 0; r < 300; r++) for (const name of (r % 2 ? ["asis", "nolock"] : ["nolock", "asis"]) as ("asis" | "nolock")[]) {
  const items = Array.from({ length: N }, () => ({ key: "key" + seq, token: "t" + seq++, ttl: 300000, lease: 30000, fingerprint: undefined, outcome: '{"id":"msg_123","status":"sent"}' }));
  let t = process.hrtime.bigint(); await asis("claim", items as any); T.claim!.push(Number(process.hrtime.bigint() - t));
  t = process.hrtime.bigint(); const a = await V[name]("complete", items as any); T[name]!.push(Number(process.hrtime.bigint() - t));
  if (a.some(x => !x)) throw new Error(name);
}
const med = (a: number[]) => [...a].sort((x, y) => x - y)[a.length >> 1]!;
for (const n in T) if (T[n]!.length) console.log(n, (med(T[n]!) / 1e3 / N).toFixed(1), "µs per key");
await c.end(); await server.stop();
