import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pc from "picocolors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { count, type Tally } from "../../../examples/campaign/campaign.ts";
import { createClient } from "../../../examples/campaign/client.ts";
import { fateOf } from "../../../examples/campaign/faults.ts";
import { type Message, startProvider } from "../../../examples/campaign/provider.ts";
import { readSettings } from "../../../examples/campaign/settings.ts";
import { renderTable } from "../../../examples/campaign/table.ts";
import { brokenLibrary, run, TIMEOUT_MS } from "./run.ts";

const campaign = (args: string[], tsconfig?: string) => run("campaign/main.ts", { args, tsconfig });

/** The figures of the printed table. */
function figuresOf(stdout: string): Record<string, number> {
  const rows = stdout.matchAll(/^ *(\S.*?) {2,}([\d,]+)$/gm);
  return Object.fromEntries([...rows].map(([, name, cell]) => [name, Number(cell!.replaceAll(",", ""))]));
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "campaign-test-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe.concurrent("the campaign", { timeout: 2 * TIMEOUT_MS }, () => {
  test("sends each user one message, though its worker is killed twice", async () => {
    const { code, stdout, stderr } = await campaign(["--users", "2000", "--batch", "100"]);
    expect(stderr).toBe("");
    const figures = figuresOf(stdout);
    const sent = { users: 2_000, messages: 2_000, duplicates: 0, lost: 0, "workers killed": 2 };
    expect(figures).toMatchObject(sent);
    // Of two batches at least the answers were lost, but for the users whose inboxes were busy.
    expect(figures["had their message"]).toBeGreaterThanOrEqual(190);
    expect(stdout).toMatch(/^sent 2,000 of 2,000, replayed [\d,]+, uncertain [\d,]+, [\d,]+\/s, 0 s left$/m);
    expect(stdout).toMatch(/^One message to each of 2,000 users, at most 100 in a request\./);
    expect(stdout).toContain("Each user has one message.\n\nWhat the rows mean\n");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(code).toBe(0);
  });

  test("fails when a user has two messages", async () => {
    const everyTime = `executeMany: (items, config, fn) => (async function* () {
      const all = [];
      for await (const item of items) all.push(item);
      const keys = all.map(() => crypto.randomUUID());
      const results = await fn(all, { idempotencyKey: keys[0], idempotencyKeys: keys });
      for (const reason of results)
        yield reason instanceof Error ? { status: "rejected", reason } : { status: "fulfilled" };
    })()`;
    const tsconfig = await brokenLibrary(directory, "every-time", everyTime);
    const { code, stdout } = await campaign(["--users", "20", "--kills", "0"], tsconfig);
    expect(figuresOf(stdout)).toMatchObject({ duplicates: 19, lost: 0 });
    expect(stdout).toContain("Not every user has exactly one message.");
    expect(code).toBe(1);
  });

  test("refuses what it does not understand before it does anything", async () => {
    const { code, stdout, stderr } = await campaign(["--users", "many"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^--users: expected a whole number from 1 to 10000000; got many\nUsage: /);
  });
});

describe("the settings of the campaign", () => {
  test("have defaults", () => {
    expect(readSettings([])).toEqual({ users: 100_000, batch: 500, store: "sqlite", kills: 2 });
    expect(readSettings(["--store", "memory"])).toMatchObject({ kills: 0 });
  });

  test.each([
    [["--batch", "1001"], "--batch: expected a whole number from 1 to 1000; got 1001"],
    [["--store", "mysql"], "--store: expected one of sqlite, redis, postgres, memory; got mysql"],
    [["--speed", "9"], "Unknown option '--speed'"],
    [["--store", "memory", "--kills", "1"], "expected --kills 0"],
  ])("are not %j", (args, message) => {
    expect(() => readSettings(args)).toThrow(message);
  });
});

describe("the provider of the campaign", () => {
  const messages = (name: string): Message[] => [
    { to: "user-1@example.com", subject: "News", reference: `${name}-1` },
    { to: "user-13@example.com", subject: "News", reference: `${name}-2` },
  ];

  test("remembers a batch by its key, and refuses another under it", async () => {
    const { url, ledger, close } = await startProvider(() => {});
    const { sendBatch, wasSent } = createClient(url);
    const busy = expect.objectContaining({ status: 450 });
    expect(await sendBatch(messages("a"), "key-a")).toEqual(["message-1", busy]);
    // What was turned away may be tried again under the same key.
    for (let n = 0; n < 2; n += 1)
      expect(await sendBatch(messages("a"), "key-a")).toEqual(["message-1", "message-2"]);
    expect(ledger).toMatchObject({ messages: 2, batches: 1 });
    await expect(sendBatch(messages("b"), "key-a")).rejects.toMatchObject({ status: 422 });
    expect(await Promise.all(["a-1", "a-2"].map(wasSent))).toEqual([true, true]);
    expect(await wasSent("b-1")).toBe(false);
    await close();
  });

  test("may have taken a batch whose last try it refused: then nobody knows", async () => {
    const { url, ledger, close } = await startProvider(() => {});
    const { sendBatch } = createClient(url);
    const failures: unknown[] = [];
    for (let n = 1; n <= 11; n += 1)
      await sendBatch(messages(`${n}`), `key-${n}`).catch(error => failures.push(error));
    expect(fateOf(11)).toBe("cut-again");
    expect(ledger.messages).toBeGreaterThan(0);
    expect(failures).toHaveLength(1);
    await close();
  });
});

describe("the tally of the campaign", () => {
  const TALLY: Tally = {
    users: 4,
    messages: 5,
    duplicates: 2,
    lost: 1,
    found: 1_000,
    absent: 234,
    batches: 3,
    kills: 2,
    seconds: 0.5,
  };

  test("counts by what the users have received", () => {
    const mailbox = new Map([
      ["user-1@example.com", 3],
      ["user-2@example.com", 1],
      ["user-4@example.com", 1],
    ]);
    expect(count(4, { mailbox })).toEqual({ messages: 5, duplicates: 2, lost: 1 });
  });

  test("is a table, in which duplicates and losses are red, and their absence is green", () => {
    expect(renderTable(TALLY, pc.createColors(false))).toBe(
      `
Campaign
----------------------------------------
users                                  4
messages                               5
duplicates                             2
lost                                   1
uncertain found                    1,234
  had their message                1,000
  had none, sent again               234
batches                                3
workers killed                         2
time                               0.5 s
rate                                 8/s`.slice(1),
    );
    const colors = pc.createColors(true);
    const table = renderTable({ ...TALLY, duplicates: 0 }, colors);
    expect(table).toContain(colors.green("0".padStart(14)));
    expect(table).toContain(colors.red("1".padStart(14)));
  });
});
