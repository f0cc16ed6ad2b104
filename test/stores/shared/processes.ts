import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { Report, Task } from "./work.ts";

/** Processes that work with one store, and what they did. */
export type Workers<T extends Task> = ReturnType<typeof startWorkers<T>>;

/** Makes workers that run the script, `redis/worker.ts`, with what they have in common; all of them end with the tests. */
export function startWorkers<T extends Task>(script: string, common: () => Omit<T, keyof Task>) {
  const folder = mkdtempSync(join(tmpdir(), "with-idempotency-effects-"));
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const children: ChildProcess[] = [];

  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  function begin(key: string, task: Partial<T> = {}) {
    const whole = { ...common(), key, effects: join(folder, key), ...task };
    const child = spawn(process.execPath, ["--import", "tsx", file, JSON.stringify(whole)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    let output = "";
    child.stdout.on("data", chunk => {
      output += chunk;
    });
    const said = (word: string) =>
      new Promise<void>(resolve => {
        child.stdout.on("data", () => {
          if (output.includes(word)) resolve();
        });
      });
    const end = once(child, "close").then(([code, signal]) => {
      const line = output.split("\n").find(each => each.startsWith("{"));
      return { code, signal, ...(line === undefined ? {} : (JSON.parse(line) as Report)) };
    });
    return { child, ready: said("ready"), running: said("running"), end };
  }

  return {
    begin,
    run: async (key: string, task?: Partial<T>) => begin(key, task).end,
    effects(key: string): number {
      const effects = join(folder, key);
      return existsSync(effects) ? readFileSync(effects, "utf8").split("\n").length - 1 : 0;
    },
  };
}

const SHORT = { lease: "1s", waitTimeout: "20s" } as const;

const HOURS_MS = 5 * 3_600_000;

/** What holds for processes on any store that several can share, whose clocks may be so far apart. */
export function describeProcesses({ begin, run, effects }: Workers<Task>, { apartMs = HOURS_MS } = {}): void {
  describe.concurrent("a process that is killed", () => {
    it.each([
      ["before", 0],
      ["inside", 0],
      ["after-effect", 1],
    ] as const)("%s the effect leaves an uncertain key", async (dies, sent) => {
      expect((await run(dies, { dies, options: SHORT })).signal).toBe("SIGKILL");
      expect((await run(dies, { options: SHORT })).ends).toEqual([{ code: "OUTCOME_UNKNOWN" }]);
      expect(effects(dies)).toBe(sent);
      const rerun = await run(dies, { options: { ...SHORT, onUncertain: "rerun" } });
      expect(rerun.ends?.[0]).toMatchObject({ value: "sent 2", attempt: 2, persisted: true });
      expect(effects(dies)).toBe(sent + 1);
    });

    it("after the completion leaves its result", async () => {
      expect((await run("completed", { dies: "after-completion" })).signal).toBe("SIGKILL");
      expect((await run("completed")).ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
      expect(effects("completed")).toBe(1);
    });
  });

  describe("several processes", () => {
    it("of which one is paused past its lease: it harms no successor", async () => {
      const zombie = begin("paused", { takes: 30_000, options: SHORT });
      await zombie.running;
      zombie.child.kill("SIGSTOP");
      const successor = await run("paused", { options: { ...SHORT, onUncertain: "rerun" } });
      expect(successor.ends?.[0]).toMatchObject({ value: "sent 2", persisted: true });
      zombie.child.kill("SIGCONT");
      expect(await zombie.end).toMatchObject({ ends: [{ value: "sent 1", persisted: false }], lost: true });
      expect((await run("paused")).ends?.[0]).toMatchObject({ value: "sent 2", replayed: true });
    });

    it("of which one blocks its event loop past its lease: it finds its claim gone", async () => {
      const blocked = begin("blocked", { takes: 8_000, blocks: true, options: SHORT });
      await blocked.running;
      const successor = await run("blocked", { options: { ...SHORT, onUncertain: "rerun" } });
      expect(successor.ends?.[0]).toMatchObject({ value: "sent 2", persisted: true });
      expect((await blocked.end).ends?.[0]).toMatchObject({ value: "sent 1", persisted: false });
      expect((await run("blocked")).ends?.[0]).toMatchObject({ value: "sent 2", replayed: true });
    });

    it("whose clocks are apart agree", async () => {
      const first = begin("clock", { takes: 1_500, options: SHORT });
      await first.running;
      const others = await Promise.all([run("clock", { ahead: apartMs }), run("clock", { ahead: -apartMs })]);
      for (const { ends } of others) expect(ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
      expect(effects("clock")).toBe(1);
    });
  });
}

/** A thousand calls at once by four processes, which `start` has begun with the task that it is given. */
export async function expectOneRun(
  { effects }: Pick<Workers<Task>, "effects">,
  start: (task: { takes: number; calls: number }) => Promise<Pick<Partial<Report>, "ends">>[],
): Promise<void> {
  const reports = await Promise.all(start({ takes: 50, calls: 250 }));
  const values = reports.flatMap(({ ends }) => ends?.map(({ value }) => value) ?? []);
  expect(values.filter(value => value === "sent 1").length).toBe(1_000);
  expect(effects("crowd")).toBe(1);
}
