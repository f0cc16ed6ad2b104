/** What is built for the runtimes: everything that a host needs to run the checks and report on them. */
export { formatChecks } from "./formats.ts";
export { httpChecks } from "./http.ts";
export { httpServer } from "./http-server.ts";
export { performAll } from "./perform.ts";
export { report } from "./suite.ts";
