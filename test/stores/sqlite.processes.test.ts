import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { afterAll, describe, expect, it, vi } from "vitest";
import { sqliteFolder } from "./sqlite-harness.ts";
import type { Report, Task } from "./sqlite-worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const WORKER = fileURLToPath(new URL("sqlite-worker.ts", import.meta.url));
const SHORT = { lease: "1s", waitTimeout: "20s" } as const;

const files = sqliteFolder(file => new Database(file));
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  files.close();
});

function begin(key: string, task: Partial<Task> = {}) {
  const { folder } = files;
  const whole: Task = { file: join(folder, "keys.db"), key, effects: join(folder, `${key}.txt`), ...task };
  const child = spawn(process.execPath, ["--import", "tsx", WORKER, JSON.stringify(whole)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  let output = "";
  const said = (word: string) =>
    new Promise<void>(resolve => {
      child.stdout.on("data", () => {
        if (output.includes(word)) resolve();
      });
    });
  child.stdout.on("data", chunk => {
    output += chunk;
  });
  const end = once(child, "close").then(([, signal]) => {
    const line = output.split("\n").find(each => each.startsWith("{"));
    return { signal, ...(line === undefined ? {} : (JSON.parse(line) as Report)) };
  });
  return { child, ready: said("ready"), running: said("running"), end };
}

const run = async (key: string, task?: Partial<Task>) => begin(key, task).end;

function effects(key: string): number {
  const file = join(files.folder, `${key}.txt`);
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

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
  });

  it("after the completion leaves its result", async () => {
    expect((await run("completed", { dies: "after-completion" })).signal).toBe("SIGKILL");
    expect((await run("completed")).ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
    expect(effects("completed")).toBe(1);
  });

  it("within the transaction of its claim leaves nothing, not even a lock", async () => {
    // A file of its own, on which nobody else writes.
    const file = join(files.folder, "claiming.db");
    expect((await run("claiming", { file, dies: "in-transaction" })).signal).toBe("SIGKILL");
    const next = await run("claiming", { file, options: { waitTimeout: "0s" } });
    expect(next.ends?.[0]).toMatchObject({ value: "sent 1", attempt: 1, persisted: true });
  });
});

describe("several processes", () => {
  it("that make a thousand calls at once, the first of all on the file, run once", async () => {
    const task = { file: join(files.folder, "crowd.db"), takes: 50, calls: 250, waits: true };
    const crowd = Array.from({ length: 4 }, () => begin("crowd", task));
    await Promise.all(crowd.map(({ ready }) => ready));
    for (const { child } of crowd) child.stdin.end("go\n");
    const reports = await Promise.all(crowd.map(({ end }) => end));
    const values = reports.flatMap(({ ends }) => ends?.map(({ value }) => value) ?? []);
    expect(values.filter(value => value === "sent 1").length).toBe(1_000);
    expect(effects("crowd")).toBe(1);
  });

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

  it("of which Node.js takes the time for hours apart agree", async () => {
    const hours = 5 * 3_600_000;
    const first = begin("clock", { takes: 1_500, options: SHORT });
    await first.running;
    const others = await Promise.all([run("clock", { ahead: hours }), run("clock", { ahead: -hours })]);
    for (const { ends } of others) expect(ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
    expect(effects("clock")).toBe(1);
  });
});
