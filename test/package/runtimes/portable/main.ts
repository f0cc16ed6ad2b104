/** What is built for the runtimes: everything that a host needs to run the checks and report on them. */
export { formatChecks } from "./formats.ts";
export { performAll } from "./perform.ts";
export { report } from "./suite.ts";
