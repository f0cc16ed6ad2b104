import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** Runs a program to its end, with what it says on standard error in sight. */
export async function run(
  file: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  const [stdout, code] = await Promise.all([text(child.stdout), exit]);
  return { code, stdout };
}
