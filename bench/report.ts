import { cpus, totalmem } from "node:os";
import { inTime, type Measured, type Row } from "./measure.ts";

/** How a peer did at what the first rows measure. */
export interface PeerRow {
  readonly name: string;
  readonly replay: Measured;
  readonly first: Measured;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...lines.map(line)].join("\n");
}

/** The machine's outline: enough to compare with, and nothing that names it. */
function machine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `Node.js ${process.versions.node}, ${process.platform} ${process.arch}, ${cores.length} cores, ${memory} GB of memory`;
}

const speedOf = ({ nanoseconds, ratio }: Measured) => `${inTime(nanoseconds)}, ${ratio.toFixed(2)} ×`;

/** The page of the documentation, from one run. */
export function performancePage(
  rows: readonly Row[],
  peers: readonly PeerRow[],
  redisPeers: readonly PeerRow[],
): string {
  const measures = table(
    ["measure", "with-idempotency", "compared with", "ratio", "aim"],
    rows.map(({ measure, ours, reference, ratio, target }) => [measure, ours, reference, ratio, target]),
  );
  const comparison = (compared: readonly PeerRow[]) =>
    table(
      ["package", "replay", "first execution"],
      compared.map(({ name, replay, first }) => [name, speedOf(replay), speedOf(first)]),
    );
  const others = `
## Other packages

The same two measures in the same rounds, as multiples of lru-cache's speed. What the packages promise differs: some
share one object among their callers, and most do not make simultaneous calls one.

${comparison(peers)}

With Redis, one call at a time, as multiples of the bare client's speed. AWS Powertools runs on node-redis, the others
on ioredis or a client of their own. How they fare under faults: [chaos](chaos.md).

${comparison(redisPeers)}
`;
  return `# Performance

Measured by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}:
${machine()}.

The candidates of a measure run in turn, round by round, in one process; the figures are medians of the rounds. A ratio
is a multiple of the reference's speed unless it says otherwise, so more is better.

${measures}

What the references do:

- **Replay**: lru-cache, with a ttl, holds the result's JSON; each call is \`await JSON.parse(cache.get(key))\`.
- **First execution**: lru-cache, with a ttl, is asked for a new key and then given a text that was made beforehand. It
  runs no function, makes no text and no promise, all of which ours does.
- **Memory**: lru-cache, with a ttl, holds the same keys and texts. Counted is what lives on the heap and in buffers
  after a garbage collection, keys included.
- **Live keys**: two full stores, of 1,000 and of 1,000,000 keys. Replays go round 1,000 keys in both; each first
  execution replaces the oldest key.
- **Redis**: ioredis, bare: \`SET NX GET\` to claim or to read, and a script that completes if the token is its own.
- **PostgreSQL**: pg, bare, named statements: \`INSERT … DO NOTHING\` and \`UPDATE\`; for a replay \`INSERT … DO NOTHING\`
  and \`SELECT\`. A commit waits for the disk (\`fsync\`, \`synchronous_commit\`); where it does not, ours is further behind.
- **SQLite**: libsql, bare, prepared: \`INSERT … DO NOTHING\` and \`UPDATE\`; for a replay \`SELECT\`. In WAL mode, with
  \`synchronous = NORMAL\`.
${peers.length === 0 ? "" : others}
## Running it

\`npm run bench\` builds the package, measures for two minutes, prints the tables and rewrites this page. With other
packages: \`npm install --no-package-lock\` in \`bench\`, then \`npm run bench -- --peers\`. On a machine that others share,
a ratio differs by a tenth from run to run, and those at 1,000,000 live keys, which the processor's cache decides, by
half.
`;
}
