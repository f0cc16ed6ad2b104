import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { postgresScene } from "./postgres-scene.ts";
import type { Report, Task } from "./postgres-worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const WORKER = fileURLToPath(new URL("postgres-worker.ts", import.meta.url));
const SHORT = { lease: "1s", waitTimeout: "20s" } as const;

const scene = postgresScene(() => inject("postgresUrl"));
const children: ChildProcess[] = [];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "with-idempotency-effects-"));
});

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

function begin(key: string, task: Partial<Task> = {}) {
  const whole: Task = { url: scene.url, table: scene.table, key, effects: join(folder, key), ...task };
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
  const end = once(child, "close").then(([code]) => {
    const line = output.split("\n").find(each => each.startsWith("{"));
    return { code, ...(line === undefined ? {} : (JSON.parse(line) as Report)) };
  });
  return { child, running, end };
}

const run = async (key: string, task?: Partial<Task>) => begin(key, task).end;

function effects(key: string): number {
  const file = join(folder, key);
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

describe.concurrent("a process that is killed", () => {
  it.each([
    ["before", 0],
    ["inside", 0],
    ["after-effect", 1],
  ] as const)("%s the effect leaves an uncertain key", async (dies, sent) => {
    await run(dies, { dies, options: SHORT });
    expect((await run(dies, { options: SHORT })).ends).toEqual([{ code: "OUTCOME_UNKNOWN" }]);
    expect(effects(dies)).toBe(sent);
    const rerun = await run(dies, { options: { ...SHORT, onUncertain: "rerun" } });
    expect(rerun.ends?.[0]).toMatchObject({ value: "sent 2", attempt: 2, persisted: true });
  });

  it("after the completion leaves its result", async () => {
    await run("completed", { dies: "after-completion" });
    expect((await run("completed")).ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
    expect(effects("completed")).toBe(1);
  });

  it("on a transaction leaves nothing, so that the next runs at once", async () => {
    await run("rolled-back", { dies: "inside", inTransaction: true });
    expect((await run("rolled-back", { inTransaction: true })).ends?.[0]).toMatchObject({
      value: "sent 1",
      persisted: true,
    });
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

  it("whose clocks are hours apart agree", async () => {
    const hours = 5 * 3_600_000;
    const first = begin("clock", { takes: 1_500, options: SHORT });
    await first.running;
    const others = await Promise.all([run("clock", { ahead: hours }), run("clock", { ahead: -hours })]);
    for (const { ends } of others) expect(ends?.[0]).toMatchObject({ value: "sent 1", replayed: true });
    expect(effects("clock")).toBe(1);
  });

  it("that make a thousand calls at once run once, and answer all", async () => {
    const reports = await Promise.all(
      Array.from({ length: 4 }, () => run("crowd", { takes: 50, calls: 250 })),
    );
    const values = reports.flatMap(({ ends }) => ends?.map(({ value }) => value) ?? []);
    expect(values.filter(value => value === "sent 1").length).toBe(1_000);
    expect(effects("crowd")).toBe(1);
  });

  it("may make the table at once", async () => {
    const table = `${scene.table}_made_at_once`;
    const ends = await Promise.all(Array.from({ length: 4 }, () => run("m", { migrates: true, table })));
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect((await scene.probe.query(`SELECT count(*)::int AS n FROM ${table}`)).rows).toEqual([{ n: 0 }]);
  });
});
