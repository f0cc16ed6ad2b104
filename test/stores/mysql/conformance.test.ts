import { describe } from "vitest";
import { CLIENTS, USUAL_CLIENT } from "./clients.ts";
import { mysqlConforms } from "./conforms.ts";

describe("a store in MySQL by a Pool of mysql2", () => {
  mysqlConforms(CLIENTS[USUAL_CLIENT]!);
});
