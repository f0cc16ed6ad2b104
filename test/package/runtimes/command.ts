import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A process that was started, with all that it starts. */
export interface Started {
  ended: Promise<Ended>;
  /** Kills it and all that it started. */
  kill(): void;
}

/** Starts a program as the leader of a group of its own, so that nothing of it is left when it is killed. */
export function start(program: string, args: readonly string[], cwd: string): Started {
  const env = { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" };
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(
    ([code, stdout, stderr]): Ended => ({ code, stdout, stderr }),
  );
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  };
  return { ended, kill };
}

/** Runs a program to its end, or kills it when its time is over. */
export async function execute(
  program: string,
  args: readonly string[],
  { cwd, timeoutMs = 120_000 }: { cwd: string; timeoutMs?: number },
): Promise<Ended> {
  const { ended, kill } = start(program, args, cwd);
  const timer = setTimeout(kill, timeoutMs);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
    kill();
  }
}

/** Runs a program that must succeed; gives back what it printed. */
export async function succeed(...command: Parameters<typeof execute>): Promise<string> {
  const { code, stdout, stderr } = await execute(...command);
  if (code === 0) return stdout;
  throw new Error(`${command[0]} ${command[1].join(" ")} ended with ${code}:\n${stderr || stdout}`.trim());
}
