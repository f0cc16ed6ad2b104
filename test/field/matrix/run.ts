import { type Cell, type Client, runCell } from "./cell.ts";
import { databaseFates, type Fates, HTTP_FATES, HTTP2_FATES, SMTP_FATES } from "./fates.ts";
import { mongoFates } from "./mongodb.ts";

/** A client with its cells, by column. */
export interface Row {
  client: Client;
  cells: ReadonlyMap<string, readonly Cell[]>;
}

/** The servers behind the proxies, and what marks the statement after which they cut. */
export interface Databases {
  postgresUrl: string;
  redisUrl: string | undefined;
  mysqlUrl?: string | undefined;
  mark: string;
}

/** How many cells run at a time: they mostly wait. */
const AT_A_TIME = 8;

function fatesOf({ protocol = "http" }: Client, { postgresUrl, redisUrl, mysqlUrl, mark }: Databases): Fates {
  if (protocol === "mongodb") return mongoFates(mark);
  const servers: Record<string, string | undefined> = {
    postgres: postgresUrl,
    redis: redisUrl,
    mysql: mysqlUrl,
  };
  if (protocol in servers)
    return servers[protocol] === undefined ? [] : databaseFates(servers[protocol], mark);
  return { http: HTTP_FATES, http2: HTTP2_FATES, smtp: SMTP_FATES }[protocol as "http"];
}

/** Runs every client against every fate. */
export async function runMatrix(clients: readonly Client[], databases: Databases): Promise<Row[]> {
  const jobs: (() => Promise<void>)[] = [];
  const rows = clients.map(client => {
    const cells = new Map<string, Cell[]>();
    for (const [column, servers] of fatesOf(client, databases)) {
      const filled: Cell[] = [];
      cells.set(column, filled);
      for (const [index, start] of servers.entries())
        jobs.push(async () => {
          filled[index] = await runCell(client, column, await start());
        });
    }
    return { client, cells };
  });
  const next = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, next));
  return rows;
}
