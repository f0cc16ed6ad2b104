import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProvider } from "../../../examples/workflow-builder/provider.ts";
import { readWorkflow } from "../../../examples/workflow-builder/workflow.ts";
import { brokenLibrary, run, TIMEOUT_MS } from "./run.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const builder = (args: string[] = [], tsconfig?: string) =>
  run("workflow-builder/main.ts", { args, tsconfig });

let directory: string;
let workflow: { nodes: Record<string, Record<string, unknown>> };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "workflow-builder-"));
  workflow = JSON.parse(await readFile(join(ROOT, "examples/workflow-builder/workflow.json"), "utf8"));
});
afterAll(() => rm(directory, { recursive: true }));

/** The workflow with other settings in its tab, as text. */
function withTab(idempotent: unknown): string {
  const { nodes } = workflow;
  return JSON.stringify({
    ...workflow,
    nodes: { ...nodes, "tell-customer": { ...nodes["tell-customer"], idempotent } },
  });
}

const TABLE = `
event                         without the tab     with the tab
----------------------------------------------------------------------
09:00:00 1041 paid            sent                sent
09:00:02 1041 paid            sent                nothing new
09:00:03 1041 shipped         sent                sent
09:00:03 1041 shipped         sent                nothing new
09:00:05 1042 paid            sent, at try 2      sent, at try 2
09:00:06 1042 paid            sent                nothing new
09:00:07 1043 paid            sent, at try 2      sent, at try 2
09:00:08 1043 paid            sent                nothing new
09:00:09 1044 draft           filtered            filtered
09:00:10 1045 paid            sent                failed
----------------------------------------------------------------------
messages                      10                  4
duplicates                    5                   0
lost                          0                   0

09:00:10 1045 paid:
  key: expected text, a number or a boolean at {{user.id}}; "user" has no "id"
  Give the data these values, or name others in the settings. Nothing ran.

With the tab: 0 duplicates, 0 lost.
`.trimStart();

describe.concurrent("the workflow builder", { timeout: 2 * TIMEOUT_MS }, () => {
  test("tells each customer of each change once, where the tab is filled in", async () => {
    expect(await builder()).toEqual({ code: 0, stdout: TABLE, stderr: "" });
  });

  test("is shown as it is in its guide", async () => {
    expect(await readFile(join(ROOT, "docs/settings.md"), "utf8")).toContain(`\n${TABLE}`);
  });

  test("tells of a change no more where nothing is said of it", async () => {
    const file = join(directory, "unwatched.json");
    await writeFile(file, withTab({ key: "order:{{order.id}}", time: "1", unit: "Hour" }));
    const { code, stdout } = await builder([file]);
    expect(stdout).toMatch(/^09:00:03 1041 shipped {9}sent {16}nothing new$/m);
    expect(stdout).toMatch(/^09:00:10 1045 paid {12}sent {16}sent$/m);
    // The change counts as told, and was not: what `unlessChanged` is for.
    expect(stdout).toContain("With the tab: 0 duplicates, 2 lost.");
    expect(code).toBe(1);
  });

  test("shows every fault of a form before any event is run", async () => {
    const file = join(directory, "faults.json");
    await writeFile(file, withTab({ key: "order:{{order.id", time: 2, unit: "days" }));
    expect(await builder([file])).toEqual({
      code: 2,
      stdout: "",
      stderr: [
        "The workflow cannot be run:",
        'tell-customer, tab Idempotent.key: "{{" at character 7 is not closed: write a path and "}}" after it, such as "{{order.id}}", or "\\{{" for the braces themselves',
        "tell-customer, tab Idempotent.time: expected from 1 second to 24 hours (1 day); got 2 days",
        "",
      ].join("\n"),
    });
    expect((await builder([join(directory, "missing.json")])).stderr).toContain("cannot be read: ENOENT");
  });

  test.each([
    ["each call sends", "{ value: await fn({}), replayed: false }", "With the tab: 5 duplicates, 0 lost."],
    ["no call sends", "{ replayed: true }", "With the tab: 0 duplicates, 8 lost."],
  ])("fails when %s", async (name, outcome, verdict) => {
    const execute = `execute: async (key, ttl, fn) => (${outcome})`;
    const tsconfig = await brokenLibrary(directory, name.replaceAll(" ", "-"), execute);
    const { code, stdout } = await builder([], tsconfig);
    expect(stdout).toContain(verdict);
    expect(code).toBe(1);
  });
});

describe("a workflow", () => {
  test.each<[string, object | string, string]>([
    ["no JSON", "{", "expected JSON: "],
    ["no nodes", {}, 'expected { "start"'],
    [
      "an unknown type",
      { start: "a", nodes: { a: { type: "loop" } } },
      "a: expected a node of type event, filter, notify",
    ],
    ["a missing field", { start: "a", nodes: { a: { type: "notify" } } }, "a: expected a node"],
    [
      "a dangling edge",
      { start: "a", nodes: { a: { type: "event", next: "b" } } },
      "b: there is no such node",
    ],
    ["no first node", { start: "x", nodes: {} }, "x: there is no such node"],
  ])("is refused: %s", (_what, json, why) => {
    expect(() => readWorkflow(typeof json === "string" ? json : JSON.stringify(json))).toThrow(why);
  });
});

test("the provider sends a message that comes again under its key once, though its answer was lost", async () => {
  const { send, sent } = createProvider();
  const message = { to: "ada@example.com", text: "1043" };
  await expect(send(message, "k")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(await send(message, "k")).toEqual({ id: "message-1" });
  expect(await send(message)).toEqual({ id: "message-2" });
  expect(sent).toHaveLength(2);
});
