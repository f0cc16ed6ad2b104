import type { WorkerOptions } from "../../support/servers/workerd.ts";

const object = (className: string, useSQLite = true) => ({ className, useSQLite });

/** The tests' Worker: without Node.js's modules, and on the first date that lets a request settle another's promise. */
export const TESTED: WorkerOptions = {
  date: "2024-10-14",
  flags: [],
  bindings: {
    d1Databases: { DB: "keys" },
    durableObjects: { TESTED: object("Tested"), KEYS: object("Keys"), OLD: object("Old", false) },
  },
};
