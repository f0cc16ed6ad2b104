import { afterAll, beforeAll, describe, inject } from "vitest";
import { ifObtainable } from "../../support/servers/packages.ts";
import {
  findPgBouncer,
  type PgBouncer,
  startPgBouncer,
  tracksPrepared,
} from "../../support/servers/pgbouncer.ts";
import { pgPool } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

const binary = await ifObtainable("the PostgreSQL store behind PgBouncer", findPgBouncer());
const isTracking = binary !== undefined && tracksPrepared(binary);

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

  describe.runIf(isTracking)("a store that prepares by name", () => postgresConforms(connect));
});
