import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

describe("a process", () => {
  /** What a process with that scene prints, and how it ends. */
  const scene = (name: string): Promise<{ code: number | null; printed: string; ms: number }> =>
    new Promise((resolve, reject) => {
      const start = performance.now();
      const script = fileURLToPath(new URL("../support/scenes.ts", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", script, name], {
        stdio: ["ignore", "pipe", "inherit"],
        timeout: 20_000,
      });
      let printed = "";
      child.stdout.on("data", chunk => {
        printed += chunk;
      });
      child.on("error", reject);
      child.on("close", code => resolve({ code, printed, ms: performance.now() - start }));
    });

  it("can exit after an abort, and while nothing but a lease, a retry or a record is left", async () => {
    const ends = await Promise.all([scene("aborted waiter"), scene("hanging run"), scene("store down")]);
    expect(ends).toMatchObject([
      { code: 0, printed: "user left\n" },
      { code: 0, printed: "running\n" },
      { code: 0, printed: "sent\n" },
    ]);
    // Each of them has a lease of an hour.
    for (const { ms } of ends) expect(ms).toBeLessThan(15_000);
  }, 30_000);

  it("does not exit while a call waits for another or for the store", async () => {
    const ends = await Promise.all([scene("waiter"), scene("black hole")]);
    expect(ends).toMatchObject([
      { code: 0, printed: "IN_PROGRESS\n" },
      { code: 0, printed: "STORE_ERROR\n" },
    ]);
  }, 30_000);
});
