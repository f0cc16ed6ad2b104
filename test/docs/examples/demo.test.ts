import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokenLibrary, type Invocation, run, TIMEOUT_MS } from "./run.ts";

const demo = (invocation?: Invocation) => run("order-emails/main.ts", invocation);

/** The figures of the printed table: without the wrapper, and with it. */
function figuresOf(stdout: string): Record<string, [number, number]> {
  const rows = stdout.matchAll(/^ *(\S.*?) {2,}(\d+) +(\d+)$/gm);
  return Object.fromEntries(
    [...rows].map(([, name, ...cells]) => [name, [Number(cells[0]), Number(cells[1])]]),
  );
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "order-emails-"));
});
afterAll(() => rm(directory, { recursive: true }));

const event = (id: string, email: string) =>
  JSON.stringify({
    at: "2026-03-02T08:00:00Z",
    id,
    type: "order.paid",
    order: "A-1",
    customer: { name: "Mira", email },
    details: {},
  });

describe.concurrent("the demo", { timeout: 2 * TIMEOUT_MS }, () => {
  test("sends each email of its log once with the wrapper, and many twice without", async () => {
    const { code, stdout, stderr } = await demo();
    expect(stderr).toBe("");
    expect(figuresOf(stdout)).toEqual({
      events: [44, 44],
      "sends attempted": [62, 42],
      "emails delivered": [46, 29],
      "duplicates received": [17, 0],
      suppressed: [0, 13],
      reconciled: [0, 9],
      "found in the mailbox": [0, 6],
      "not there, sent again": [0, 3],
      "rejected for good": [2, 2],
      lost: [0, 0],
    });
    expect(code).toBe(0);
  });

  test("prints plain lines where there is no terminal, whatever the environment wishes for", async () => {
    const { stdout } = await demo({ args: ["-"], input: event("3", "mira@example.com") });
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^A shop emails its customers about 1 order events, through a real SMTP server/);
    const first = lines.indexOf("Without the wrapper: events 1 of 1, emails 1");
    expect(lines.slice(first + 1, first + 3)).toEqual(["With the wrapper: events 1 of 1, emails 1", ""]);
    expect(lines).toContain("With the wrapper: 0 duplicates, 0 lost.");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test("takes another log from a file or from standard input, with the same outcome", async () => {
    const input = [event("3", "mira@example.com"), event("3", "mira@example.com")].join("\n");
    const file = join(directory, "two.jsonl");
    await writeFile(file, input);
    const [fromFile, fromInput] = await Promise.all([demo({ args: [file] }), demo({ args: ["-"], input })]);
    expect(figuresOf(fromFile.stdout)).toMatchObject({
      events: [2, 2],
      "duplicates received": [1, 0],
      suppressed: [0, 1],
    });
    expect(fromInput).toEqual(fromFile);
    expect(fromFile.code).toBe(0);
  });

  test("reports a malformed line by its number before anything is sent", async () => {
    const input = [event("1", "mira@example.com"), event("2", "mira at example.com"), "", "oops"].join("\n");
    expect(await demo({ args: ["-"], input })).toEqual({
      code: 2,
      stdout: "",
      stderr: [
        'standard input, line 2: expected customer.email to be an email address; got "mira at example.com"',
        'standard input, line 4: expected a JSON object; got "oops"',
        "Nothing was sent.",
        "",
      ].join("\n"),
    });
  });

  test.each([
    ["an empty log", ["-"], "standard input: expected at least one event; the log is empty"],
    ["a missing file", ["missing.jsonl"], "missing.jsonl: cannot be read: no such file"],
    ["a directory", ["examples"], "examples: cannot be read: it is a directory"],
    ["two logs", ["a", "b"], "Expected one log, or - for standard input; got a b"],
  ])("refuses %s", async (_, args, message) => {
    expect(await demo({ args })).toEqual({ code: 2, stdout: "", stderr: `${message}\nNothing was sent.\n` });
  });
});

test.each([
  ["order-emails/main.ts", "npm run demo", "Exit codes:"],
  ["campaign/main.ts", "npm run campaign", "--kills"],
  ["workflow-builder/main.ts", "npm run workflow", "FILE"],
  ["hosts/main.ts", "npm run hosts", "bullmq"],
  ["../test/proof/chaos/main.ts", "npm run chaos", "--policy"],
  ["../test/proof/simulation/main.ts", "npm run simulate", "--runs"],
  ["../bench/main.ts", "npm run bench", "--peers"],
])(
  "%s says what it does when it is asked, and does nothing else",
  { timeout: TIMEOUT_MS },
  async (file, command, detail) => {
    const { code, stdout, stderr } = await run(file, { args: ["--help"] });
    expect(stdout).toMatch(new RegExp(`^Usage: ${command} `));
    expect(stdout).toContain(detail);
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(125);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

test.each([
  [
    "../test/proof/chaos/main.ts",
    ["--store", "paper"],
    "--store: expected redis, postgres, mysql, sqlite, dynamodb; got paper",
  ],
  ["../test/proof/chaos/main.ts", ["--shop", "7"], "expected one of --store, "],
  [
    "../test/proof/simulation/main.ts",
    ["--runs", "none"],
    "--runs: expected a whole number from 1; got none",
  ],
  ["../test/proof/simulation/main.ts", ["--runs", "0"], "--runs: expected a whole number from 1; got 0"],
  [
    "../test/proof/simulation/main.ts",
    ["--policy", "hope"],
    "--policy: expected reject, rerun, mixed; got hope",
  ],
  ["campaign/main.ts", ["--users", "many"], "--users: expected a whole number from 1 to 10000000; got many"],
  ["hosts/main.ts", ["paper"], "expected some of bullmq, "],
])("%s %o runs nothing, and says why in a line", { timeout: TIMEOUT_MS }, async (file, args, why) => {
  const { code, stdout, stderr } = await run(file, { args });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(why);
  expect(stderr).not.toMatch(/^ +at /m);
});

describe.concurrent("the demo with a broken wrapper", { timeout: 2 * TIMEOUT_MS }, () => {
  const broken = (name: string, withIdempotency: string) =>
    brokenLibrary(directory, name, `withIdempotency: ${withIdempotency}`);

  test("fails when each call sends", async () => {
    const bypass = "async (key, ttl, fn) => fn({ idempotencyKey: crypto.randomUUID() })";
    const { code, stdout } = await demo({ tsconfig: await broken("bypass", bypass) });
    expect(figuresOf(stdout)).toMatchObject({ "duplicates received": [17, 17], lost: [0, 0] });
    expect(stdout).toContain("With the wrapper: 17 duplicates, 0 lost.");
    expect(code).toBe(1);
  });

  test("fails when no call sends", async () => {
    const { code, stdout } = await demo({ tsconfig: await broken("silence", "async () => undefined") });
    expect(figuresOf(stdout)).toMatchObject({ "duplicates received": [17, 0], lost: [0, 31] });
    expect(code).toBe(1);
  });

  test("fails when no call has an answer, and says what it has given up and why", async () => {
    const tsconfig = await broken("down", 'async () => { throw new Error("store is down") }');
    const { code, stdout } = await demo({ args: ["-"], input: event("3", "mira@example.com"), tsconfig });
    expect(stdout).toContain("With the wrapper: gave up 3: Error: store is down\n");
    expect(figuresOf(stdout)).toMatchObject({ suppressed: [0, 0], lost: [0, 1] });
    expect(code).toBe(1);
  });
});

test("the quick start sends once and gives both calls the same result", { timeout: TIMEOUT_MS }, async () => {
  expect(await run("quick-start.ts")).toEqual({
    code: 0,
    stdout:
      "Sent to mira@example.com: Order 1041 is on its way\nThe retry got the first call's result: true\n",
    stderr: "",
  });
});
