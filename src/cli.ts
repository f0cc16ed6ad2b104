#!/usr/bin/env node
import { processIo } from "./operate/command/io.ts";
import { main } from "./operate/command/main.ts";

process.exitCode = await main(process.argv.slice(2), processIo(new URL("../package.json", import.meta.url)));
// Once all is written: a connection on which nobody answers would keep the process alive.
process.stdout.write("", () => setTimeout(() => process.exit(), 1_000).unref());
