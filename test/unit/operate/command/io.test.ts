import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { processIo } from "../../../../src/operate/command/io.ts";

const manifest = new URL("../../../../package.json", import.meta.url);
afterEach(() => {
  vi.restoreAllMocks();
});

it("the command knows the process that it runs in", async () => {
  const listen = vi.spyOn(process.stdout, "on");
  const io = processIo(manifest);
  expect(io.version()).toBe(JSON.parse(readFileSync(manifest, "utf8")).version);
  expect(io).toMatchObject({ cwd: process.cwd(), columns: process.stdout.columns || 80 });
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await io.out("line\n");
  expect(written).toHaveBeenCalledExactlyOnceWith("line\n");

  const calls = listen.mock.calls as unknown as [event: string, heard: (error: Error) => void][];
  const [, heard] = calls.find(([event]) => event === "error")!;
  process.stdout.off("error", heard);
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(() => heard(gone)).toThrow(gone);
  expect(exit).toHaveBeenCalledExactlyOnceWith(0);
  expect(() => heard(new Error("disk full"))).toThrow("disk full");
});
