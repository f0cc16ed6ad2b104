import { afterEach, expect, it, vi } from "vitest";
import { warnProcess } from "../../../src/util/warn-process.ts";

const WARNING = { code: "PURGE_FAILED", message: "They could not be removed" } as const;

afterEach(() => vi.unstubAllGlobals());

it("a warning is the process's, with its type and code", async () => {
  // Node.js' own listener would print it among the tests, as if something were wrong.
  const printing = process.listeners("warning");
  process.removeAllListeners("warning");
  try {
    const warned = new Promise<Error & { code?: string }>(resolve => process.once("warning", resolve));
    warnProcess(WARNING);
    expect(await warned).toMatchObject({
      name: "IdempotencyWarning",
      code: WARNING.code,
      message: WARNING.message,
    });
  } finally {
    for (const listener of printing) process.on("warning", listener);
  }
});

it.each([undefined, {}])("a warning goes nowhere where the process is %o", process => {
  vi.stubGlobal("process", process);
  expect(() => warnProcess(WARNING)).not.toThrow();
});
