import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdempotency, fingerprint } from "../../src/index.ts";
import { widthOf } from "../../src/operate/command/terminal.ts";
import { reconcile } from "../../src/reconcile.ts";
import { command, linesOf, type Setting } from "./command.ts";
import { STAGES, type Stage } from "./stores.ts";

const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
const LONG = `long:${"x".repeat(300)}`;

describe.each(STAGES)("list on %s", (_, open) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await open();
    const { store } = stage;
    const emails = createIdempotency({ store, namespace: "emails" });
    const bills = createIdempotency({ store, namespace: "bills:eu" });
    const plain = createIdempotency({ store });
    for (const key of ["a", "b\u001b[31m", LONG])
      await emails.withIdempotency(key, "1h", cut).catch(() => {});
    await bills.withIdempotency("c", "1h", cut).catch(() => {});
    await plain.withIdempotency("d", "1h", cut).catch(() => {});
    await emails.withIdempotency("done", "1h", () => ({ id: "msg_1" }));
  });
  afterAll(() => stage.close());

  const list = (args: string[] = [], setting: Setting = {}) =>
    command(["list", ...stage.at, ...args], setting);
  const keysOf = async (...args: string[]) => {
    const lines = linesOf(await list(args));
    // An entry may come twice.
    return [...new Set(lines.map(({ namespace, key }) => `${namespace}/${key}`))].sort();
  };

  it("lists the uncertain keys of all namespaces", async () => {
    expect(await keysOf()).toEqual([
      "bills:eu/c",
      "emails/a",
      "emails/b\u001b[31m",
      "emails/undefined",
      "undefined/d",
    ]);
  });

  it("lists those of a namespace, of another state, and of an age", async () => {
    expect(await keysOf("--namespace", "bills:eu")).toEqual(["bills:eu/c"]);
    expect(await keysOf("--namespace", "none")).toEqual([]);
    expect(await keysOf("--state", "completed")).toEqual(["emails/done"]);
    expect(await keysOf("--older-than", "1h")).toEqual([]);
    expect(await keysOf("--older-than", "0s", "--namespace", "emails")).toHaveLength(3);
  });

  it("gives all that there is to know, in lines of JSON in a pipe", async () => {
    const [line] = linesOf(await list(["--namespace", "bills:eu"]));
    expect(line).toEqual({
      namespace: "bills:eu",
      key: "c",
      storeKey: ":bills\\:eu:c",
      state: "uncertain",
      attempt: 1,
      idempotencyKey: expect.stringMatching(/^[\w-]{43}$/),
      idempotencyUuid: expect.any(String),
      claimedAt: expect.stringMatching(/Z$/),
      leaseInMs: 0,
      expiresInMs: expect.any(Number),
    });
    const [done] = linesOf(await list(["--state", "completed"]));
    expect(done).toMatchObject({ value: { id: "msg_1" } });
    expect(linesOf(await list(["--json"], { isTerminal: true })).length).toBeGreaterThan(4);
  });

  it("shows a person a table that fits the terminal", async () => {
    const wide = await list([], { isTerminal: true });
    expect(wide.out).toMatch(/^KEY +NAMESPACE +ATTEMPT +CLAIMED +EXPIRES IN +IDEMPOTENCY KEY$/m);
    expect(wide.out).toMatch(/^a +emails +1 +(now|\d+s ago) +59m 5\ds +[\w-]{43}$/m);
    expect(wide.out).toMatch(/^5 keys whose outcome is unknown$/m);
    for (const columns of [40, 60, 80]) {
      const { out } = await list([], { isTerminal: true, columns });
      for (const line of out.split("\n")) expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    }
    expect((await list(["--namespace", "emails"], { isTerminal: true })).out).not.toContain("NAMESPACE");
  });

  it("lets no key play with the terminal, and colours only a terminal's own", async () => {
    expect((await list([], { isTerminal: true })).out).not.toContain("\u001b");
    const coloured = await list([], { isTerminal: true, hasColours: true });
    expect(coloured.out).toContain("\u001b[1mKEY");
    expect(coloured.out).not.toContain("\u001b[31m");
  });

  it("masks keys", async () => {
    const { out } = await list(["--redact", "--namespace", "bills:eu"]);
    expect(JSON.parse(out)).toMatchObject({ key: fingerprint("c"), storeKey: fingerprint(":bills\\:eu:c") });
  });

  it("says that there is none, and ends with 0", async () => {
    const none = ["--namespace", "none"];
    expect(await list(none)).toEqual({ code: 0, out: "", err: "" });
    expect(await list(none, { isTerminal: true })).toEqual({
      code: 0,
      out: "No key whose outcome is unknown\n",
      err: "",
    });
  });

  it("gives what settles a key of which the store has but a digest", async () => {
    const found = linesOf(await list(["--namespace", "emails"])).find(({ key }) => key === undefined)!;
    const { storeKey } = found as { storeKey: string };
    const ended = await command(["reopen", storeKey, "--store-key", "--yes", ...stage.at]);
    expect(ended.code).toBe(0);
    const emails = createIdempotency({ store: stage.store, namespace: "emails" });
    expect(await emails.execute(LONG, "1h", () => "sent")).toMatchObject({ attempt: 2 });
  });
});

describe.each(STAGES)("reconcile on %s", (_, open) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await open();
  });
  afterAll(() => stage.close());

  it("settles each key once, however many machines are at it", async () => {
    const namespace = randomUUID();
    const emails = createIdempotency({ store: stage.store, namespace });
    const sent = new Set<string>();
    for (let n = 0; n < 40; n += 1) {
      const send = async ({ idempotencyKey }: { idempotencyKey: string }) => {
        if (n % 2 === 0) sent.add(idempotencyKey);
        return cut();
      };
      await emails.withIdempotency(["email", n], "1h", send).catch(() => {});
    }
    const find = async ({ idempotencyKey }: { idempotencyKey: string }) =>
      sent.has(idempotencyKey)
        ? ({ happened: true, value: idempotencyKey } as const)
        : ({ happened: false } as const);
    const machines = [1, 2, 3].map(() =>
      reconcile(createIdempotency({ store: stage.store, namespace }), { ttl: "1h", olderThan: "0s", find }),
    );
    for (const done of await Promise.all(machines)) expect(done.failed).toBe(0);
    const rest = await reconcile(emails, { ttl: "1h", olderThan: "0s", find });
    expect(rest.looked).toBe(0);
    for (let n = 0; n < 40; n += 1) {
      const outcome = await emails.execute(["email", n], "1h", () => "sent now");
      expect(outcome).toMatchObject(n % 2 === 0 ? { replayed: true } : { replayed: false, attempt: 2 });
    }
  });
});
