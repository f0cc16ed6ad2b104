#!/usr/bin/env node
import { processIo } from "./operate/command/io.ts";
import { main } from "./operate/command/main.ts";

process.exitCode = await main(process.argv.slice(2), processIo(new URL("../package.json", import.meta.url)));
