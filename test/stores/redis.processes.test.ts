import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithRedis } from "../servers/describe.ts";
import type { Task } from "./redis-worker.ts";

const WORKER = fileURLToPath(new URL("redis-worker.ts", import.meta.url));
const PATIENT = { timeout: 60_000 };

interface Report {
  ends: { value?: string; code?: string; replayed?: boolean; persisted?: boolean; attempt?: number }[];
  lost: boolean;
}

describeWithRedis("processes on one Redis", url => {
  const prefix = `${randomUUID()}:`;
  const children: ChildProcess[] = [];
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "with-idempotency-effects-"));
  });
  afterAll(() => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  function begin(key: string, task: Partial<Task> = {}) {
    const whole: Task = { url, prefix, key, effects: join(folder, key), ...task };
    const child = spawn(process.execPath, ["--import", "tsx", WORKER, JSON.stringify(whole)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    let output = "";
    const running = new Promise<void>(resolve => {
      child.stdout.on("data", chunk => {
        output += chunk;
        if (output.includes("running")) resolve();
      });
    });
    const end = once(child, "close").then(() => {
      const line = output.split("\n").find(line => line.startsWith("{"));
      return line === undefined ? undefined : (JSON.parse(line) as Report);
    });
    return { child, running, end };
  }
  const run = (key: string, task?: Partial<Task>) => begin(key, task).end;
  const effects = (key: string) => {
    try {
      return readFileSync(join(folder, key), "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  const SHORT = { lease: "1s", waitTimeout: "20s" } as const;

  describe.concurrent("one is killed", () => {
    const UNKNOWN = { before: 0, inside: 0, "after-effect": 1 } as const;

    it.each(Object.entries(UNKNOWN))(
      "%s the effect: the next is told so, and runs if it chose to",
      PATIENT,
      async (where, sent) => {
        const dies = where as Task["dies"];
        expect(await run(where, { dies, options: SHORT })).toBeUndefined();
        expect((await run(where, { options: SHORT }))?.ends).toEqual([{ code: "OUTCOME_UNKNOWN" }]);
        expect(effects(where)).toBe(sent);
        const rerun = await run(where, { options: { ...SHORT, onUncertain: "rerun" } });
        expect(rerun?.ends[0]).toMatchObject({ value: "sent 2", attempt: 2, persisted: true });
        expect(effects(where)).toBe(sent + 1);
      },
    );

    it("after the completion: the next has the result", PATIENT, async () => {
      await run("completed", { dies: "after-completion" });
      expect((await run("completed"))?.ends[0]).toMatchObject({ value: "sent 1", replayed: true });
      expect(effects("completed")).toBe(1);
    });
  });

  it("one that is paused past its lease harms no successor", PATIENT, async () => {
    const zombie = begin("paused", { takes: 30_000, options: SHORT });
    await zombie.running;
    zombie.child.kill("SIGSTOP");
    const successor = await run("paused", { options: { ...SHORT, onUncertain: "rerun" } });
    expect(successor?.ends[0]).toMatchObject({ value: "sent 2", persisted: true });
    zombie.child.kill("SIGCONT");
    const report = await zombie.end;
    expect(report?.ends[0]).toMatchObject({ value: "sent 1", persisted: false });
    expect(report?.lost).toBe(true);
    expect((await run("paused"))?.ends[0]).toMatchObject({ value: "sent 2", replayed: true });
  });

  it(
    "one that blocks its event loop past its lease finds its claim gone at completion",
    PATIENT,
    async () => {
      const blocked = begin("blocked", { takes: 8_000, blocks: true, options: SHORT });
      await blocked.running;
      const successor = await run("blocked", { options: { ...SHORT, onUncertain: "rerun" } });
      expect(successor?.ends[0]).toMatchObject({ value: "sent 2", persisted: true });
      expect((await blocked.end)?.ends[0]).toMatchObject({ value: "sent 1", persisted: false });
      expect((await run("blocked"))?.ends[0]).toMatchObject({ value: "sent 2", replayed: true });
    },
  );

  it("one whose clock is hours ahead or behind is like the others", PATIENT, async () => {
    const hours = 5 * 3_600_000;
    const first = begin("clock", { takes: 1_500, options: SHORT });
    await first.running;
    const others = await Promise.all([run("clock", { ahead: hours }), run("clock", { ahead: -hours })]);
    for (const other of others) expect(other?.ends[0]).toMatchObject({ value: "sent 1", replayed: true });
    expect(effects("clock")).toBe(1);
  });

  it("a thousand calls at once from four are one run", PATIENT, async () => {
    const reports = await Promise.all(
      Array.from({ length: 4 }, () => run("crowd", { takes: 50, calls: 250 })),
    );
    const values = reports.flatMap(report => report?.ends.map(({ value }) => value) ?? []);
    expect(values.filter(value => value === "sent 1").length).toBe(1_000);
    expect(effects("crowd")).toBe(1);
  });
});
