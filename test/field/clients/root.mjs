// The clients that the repository has anyway.
import { root as databases, MARK } from "./databases.mjs";
import { root as http } from "./http.mjs";
import { root as smtp } from "./smtp.mjs";

export const mark = MARK;
export { databases, http, smtp };
