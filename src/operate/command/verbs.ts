import { FORGET, INSPECT, REOPEN, RESOLVE } from "./change.ts";
import type { Verb } from "./context.ts";
import { DOCTOR } from "./doctor.ts";
import { LIST } from "./list.ts";
import { PURGE } from "./purge.ts";

/** Every verb that works on a store, by its name. */
export const VERBS: Readonly<Record<string, Verb>> = {
  list: LIST,
  inspect: INSPECT,
  resolve: RESOLVE,
  reopen: REOPEN,
  forget: FORGET,
  purge: PURGE,
  doctor: DOCTOR,
};
