import { describe } from "vitest";
import { CLIENTS } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

// Every claim and every completion goes by the statement for several keys, even if there is only one.
const gathering = { lanes: 1, fewest: 1 };

describe.each(Object.entries(CLIENTS))("a store that joins everything, by %s", (_name, connect) =>
  postgresConforms(connect, { gathering }),
);

describe("a store that joins everything, prepares nothing and notifies", () => {
  postgresConforms(CLIENTS["a Pool of pg"]!, { gathering, prepare: false, hints: true });
});

describe("a store that joins everything, by postgres.js without prepared statements", () => {
  postgresConforms(CLIENTS["postgres.js"]!, { gathering, prepare: false });
});
