import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { ifObtainable, notVerified } from "../../support/servers/packages.ts";
import {
  findPgBouncer,
  type PgBouncer,
  startPgBouncer,
  tracksPrepared,
} from "../../support/servers/pgbouncer.ts";
import { pgPool } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

const binary = await ifObtainable("the PostgreSQL store behind PgBouncer", findPgBouncer());
const tooOld =
  binary && !tracksPrepared(binary)
    ? `PgBouncer ${binary.version} keeps no track of prepared statements, as 1.21 and later do`
    : undefined;
if (tooOld !== undefined) notVerified("statements prepared by name behind PgBouncer", tooOld);

describe.skipIf(binary === undefined)(`behind PgBouncer ${binary?.version} in transaction mode`, () => {
  let bouncer: PgBouncer;

  beforeAll(async () => {
    bouncer = await startPgBouncer(binary!, inject("postgresUrl"));
  });

  afterAll(() => bouncer.stop());

  const connect = async () => {
    const client = pgPool(bouncer.url);
    return { client, end: () => client.end() };
  };

  describe("a store that prepares nothing", () => postgresConforms(connect, { prepare: false }));

  // One that is skipped, and says why, in place of a whole suite.
  if (tooOld === undefined) describe("a store that prepares by name", () => postgresConforms(connect));
  else it.skip(`a store that prepares by name: ${tooOld}`);
});
