import { describe } from "vitest";
import { CLIENTS, USUAL_CLIENT } from "./clients.ts";
import { mysqlConforms } from "./conforms.ts";

const others = Object.entries(CLIENTS).filter(([name]) => name !== USUAL_CLIENT);

describe.each(others)("a store in MySQL by %s", (_name, connect) => mysqlConforms(connect));
