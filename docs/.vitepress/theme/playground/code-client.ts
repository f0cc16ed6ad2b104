import { bodyOf } from "./code.ts";
import type { CodeReply } from "./code-realm.ts";

/** Runs code in a realm of its own until it is done; `stop` ends it. In a browser only. */
export function runCode(code: string, hear: (reply: CodeReply) => void): { stop: () => void } {
  const worker = new Worker(new URL("./code-realm.ts", import.meta.url), { type: "module" });
  const stop = () => worker.terminate();

  worker.addEventListener("message", async ({ data }: MessageEvent<CodeReply>) => {
    if (data.type === "line") return hear(data);
    stop();
    if (data.type === "failed" && data.isSyntax) hear({ ...data, line: await lineOfSyntaxError(code) });
    else hear(data);
  });
  worker.addEventListener("error", event => {
    stop();
    hear({
      type: "failed",
      text: event.message || "The code could not be run",
      line: undefined,
      isSyntax: false,
    });
  });
  worker.postMessage(code);
  return { stop };
}

const PARSE_MS = 2_000;

/** Where the code cannot be parsed: only a script that is loaded says so. It defines a function, and calls nothing. */
function lineOfSyntaxError(code: string): Promise<number | undefined> {
  const address = URL.createObjectURL(
    new Blob([`async library => {"use strict";${bodyOf(code)}\n}`], { type: "text/javascript" }),
  );
  const worker = new Worker(address);
  return new Promise<number | undefined>(resolve => {
    worker.addEventListener("error", event => {
      event.preventDefault();
      resolve(event.lineno || undefined);
    });
    setTimeout(() => resolve(undefined), PARSE_MS);
  }).finally(() => {
    worker.terminate();
    URL.revokeObjectURL(address);
  });
}
