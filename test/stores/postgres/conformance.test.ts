import { describe } from "vitest";
import { CLIENTS } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

describe.each(Object.entries(CLIENTS))("a store in PostgreSQL by %s", (_name, connect) =>
  postgresConforms(connect),
);

describe("a store in PostgreSQL that prepares nothing", () => {
  postgresConforms(CLIENTS["a Pool of pg"]!, { prepare: false });
});

describe("a store in PostgreSQL with a listener", () => {
  postgresConforms(CLIENTS["a Pool of pg"]!, { hints: true });
});
