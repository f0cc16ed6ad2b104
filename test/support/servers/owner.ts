import { startPostgres } from "./postgres.ts";

// Starts a server and is killed, as a test run may be.
const { pid, dir } = await startPostgres();
process.stdout.write(JSON.stringify({ pid, dir }), () => process.kill(process.pid, "SIGKILL"));
