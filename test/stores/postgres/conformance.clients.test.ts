import { describe } from "vitest";
import { CLIENTS, USUAL_CLIENT } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

describe.each(Object.entries(CLIENTS))("a store in PostgreSQL by %s", (_name, connect) =>
  postgresConforms(connect),
);

describe("a store in PostgreSQL that prepares nothing", () => {
  postgresConforms(CLIENTS[USUAL_CLIENT]!, { prepare: false });
});
