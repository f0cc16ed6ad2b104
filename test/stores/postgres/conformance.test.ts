import { describe } from "vitest";
import { CLIENTS, USUAL_CLIENT } from "./clients.ts";
import { postgresConforms } from "./conforms.ts";

describe("a store in PostgreSQL by a Pool of pg, with a listener", () => {
  postgresConforms(CLIENTS[USUAL_CLIENT]!, { hints: true });
});
