import { bodyOf, CodeError, errorText, lineOf, show } from "./code.ts";
import * as library from "./library.ts";

// Where the editor's code runs: a web worker of its own, so that code that never ends can be stopped, and so that it
// has no hand on the page.

/** What the code says and comes to. */
export type CodeReply =
  | { type: "line"; level: "log" | "error"; text: string }
  | { type: "done" }
  | { type: "failed"; text: string; line: number | undefined; isSyntax: boolean };

const LONGEST_LINE = 2_000;
const reply = (message: CodeReply) => postMessage(message);

const write =
  (level: "log" | "error") =>
  (...values: unknown[]) =>
    reply({ type: "line", level, text: values.map(show).join(" ").slice(0, LONGEST_LINE) });

Object.assign(console, {
  log: write("log"),
  info: write("log"),
  debug: write("log"),
  warn: write("error"),
  error: write("error"),
});

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (library: object) => Promise<unknown>;

/** How many lines the engine puts before the body of such a function. */
const LINES_BEFORE = 2;

function fail(error: unknown, isSyntax: boolean): void {
  const line = error instanceof CodeError ? error.line : lineOf((error as Error)?.stack, LINES_BEFORE);
  reply({ type: "failed", text: errorText(error).slice(0, LONGEST_LINE), line, isSyntax });
}

addEventListener("unhandledrejection", event => {
  event.preventDefault();
  write("error")(`Unhandled: ${errorText(event.reason)}`);
});

addEventListener("message", async ({ data: code }: MessageEvent<string>) => {
  let run: (library: object) => Promise<unknown>;
  try {
    run = new AsyncFunction("library", `"use strict";${bodyOf(code)}\n`);
  } catch (error) {
    fail(error, !(error instanceof CodeError));
    return;
  }
  try {
    await run(library);
    reply({ type: "done" });
  } catch (error) {
    fail(error, false);
  }
});
