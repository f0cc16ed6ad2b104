import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createIdempotency, fingerprint, type Idempotency } from "../../src/index.ts";
import { deferred } from "../support/calls.ts";
import { command, linesOf, type Setting } from "./command.ts";
import { STAGES, type Stage } from "./stores.ts";

const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));

describe.each(STAGES)("the command on %s", (_, open) => {
  let stage: Stage;
  let emails: Idempotency;
  let key: string;
  beforeAll(async () => {
    stage = await open();
    emails = createIdempotency({ store: stage.store, namespace: "emails" });
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    key = randomUUID();
  });

  const uncertain = (of = emails) => of.withIdempotency(key, "1h", cut).catch(() => {});
  const call = (verb: string, args: string[] = [], setting: Setting = {}) =>
    command([verb, key, "--namespace", "emails", ...stage.at, ...args], setting);

  describe("inspect", () => {
    it("shows a completed key with its result", async () => {
      await emails.withIdempotency(key, "1h", () => ({ id: "msg_1" }));
      const known = await emails.inspect(key);
      const ended = await call("inspect");
      expect(ended).toMatchObject({ code: 0, err: "" });
      expect(linesOf(ended)).toEqual([
        {
          namespace: "emails",
          key,
          storeKey: `:emails:${key}`,
          state: "completed",
          attempt: 1,
          idempotencyKey: known!.idempotencyKey,
          idempotencyUuid: known!.idempotencyUuid,
          claimedAt: known!.claimedAt.toISOString(),
          leaseInMs: 0,
          expiresInMs: expect.any(Number),
          value: { id: "msg_1" },
        },
      ]);
    });

    it("shows a stored error, and what is not known of an uncertain key", async () => {
      const failing = () => Promise.reject(Object.assign(new Error("no such mailbox"), { code: 550 }));
      await emails.withIdempotency(key, "1h", failing, { onError: () => "store" }).catch(() => {});
      expect(linesOf(await call("inspect"))[0]).toMatchObject({
        error: { name: "Error", message: "no such mailbox", code: 550 },
      });
      key = randomUUID();
      await uncertain();
      const [line] = linesOf(await call("inspect"));
      expect(line).toMatchObject({ state: "uncertain", attempt: 1 });
      expect(line).not.toHaveProperty("value");
    });

    it("shows lines to a person", async () => {
      await emails.withIdempotency(key, "1h", () => ({ id: "msg_1" }));
      const { out } = await call("inspect", [], { isTerminal: true });
      expect(out).toMatch(new RegExp(`^key: +${key}$`, "m"));
      expect(out).toMatch(/^state: +completed$/m);
      expect(out).toMatch(/^result: +\{"id":"msg_1"\}$/m);
      expect(out).toMatch(/^expires in: +59m 5\ds$/m);
    });

    it("shows a person a run that goes on, a stored error, no result and a long key", async () => {
      const shown = async () => (await call("inspect", [], { isTerminal: true })).out;
      const work = deferred<void>();
      const running = emails.withIdempotency(key, "1h", () => work.promise);
      await expect.poll(shown).toMatch(/^lease ends in: +\d+s$/m);
      work.resolve();
      await running;
      expect(await shown()).toMatch(/^result: +undefined$/m);
      key = randomUUID();
      const failing = () => Promise.reject(new RangeError("no such mailbox"));
      await emails.withIdempotency(key, "1h", failing, { onError: () => "store" }).catch(() => {});
      expect(await shown()).toMatch(/^error: +RangeError: no such mailbox$/m);
      key = "x".repeat(300);
      await uncertain();
      expect(await shown()).toMatch(/^key: +\(a digest\)$/m);
    });

    it("shows neither key nor result if it is redacted, and what to look for at the provider all the same", async () => {
      await emails.withIdempotency(key, "1h", () => ({ to: "mira@example.com" }));
      const ended = await call("inspect", ["--redact"]);
      expect(linesOf(ended)[0]).toMatchObject({
        key: fingerprint(key),
        idempotencyKey: (await emails.inspect(key))!.idempotencyKey,
      });
      expect(ended.out).not.toContain(key);
      expect(ended.out).not.toContain("mira");
    });

    it("takes a key as the store has it", async () => {
      await uncertain();
      const ended = await command(["inspect", `:emails:${key}`, "--store-key", ...stage.at]);
      expect(linesOf(ended)[0]).toMatchObject({ key, namespace: "emails" });
    });

    it("ends with 1 where there is none, and says what may be missing", async () => {
      await uncertain();
      const { code, out, err } = await command(["inspect", key, ...stage.at]);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toContain("needs --namespace");
    });
  });

  describe("resolve", () => {
    const RESULT = ["--value", '{"id":"msg_1"}', "--ttl", "2h", "--yes"];

    it("gives calls that result", async () => {
      await uncertain();
      const ended = await call("resolve", RESULT);
      expect(ended).toMatchObject({ code: 0, err: "" });
      expect(linesOf(ended)).toEqual([
        { action: "resolved", namespace: "emails", key, storeKey: `:emails:${key}` },
      ]);
      expect(await emails.withIdempotency(key, "1h", () => "again")).toEqual({ id: "msg_1" });
      expect((await emails.inspect(key))!.expiresInMs).toBeGreaterThan(7_000_000);
    });

    it("gives undefined, for a function that returns nothing", async () => {
      await uncertain();
      expect(await call("resolve", ["--value", "undefined", "--ttl", "1h", "--yes"])).toMatchObject({
        code: 0,
      });
      expect(await emails.execute(key, "1h", () => "again")).toMatchObject({
        value: undefined,
        replayed: true,
      });
    });

    it("ends with 1 where the key is not uncertain, and changes nothing", async () => {
      await emails.withIdempotency(key, "1h", () => "sent");
      const { code, err } = await call("resolve", RESULT);
      expect(code).toBe(1);
      expect(err).toContain("is not uncertain: it is completed. Nothing was changed");
      expect(await emails.withIdempotency(key, "1h", () => "again")).toBe("sent");
    });
  });

  describe("reopen", () => {
    it("lets the next call run, with the same idempotency key", async () => {
      await uncertain();
      const { idempotencyKey } = (await emails.inspect(key))!;
      expect(await call("reopen", ["--yes"])).toMatchObject({ code: 0 });
      const next = await emails.execute(key, "1h", run => run.idempotencyKey);
      expect(next).toMatchObject({ value: idempotencyKey, attempt: 2, replayed: false });
    });

    it("asks first, says what it is about, and does nothing on a no", async () => {
      await uncertain();
      for (const answer of ["n", "", "yesterday"]) {
        const { code, err } = await call("reopen", [], { answer });
        expect(code).toBe(1);
        expect(err).toContain(`${key} (namespace emails): attempt 1`);
        expect(err).toContain("Nothing was changed");
      }
      expect((await emails.inspect(key))?.state).toBe("uncertain");
      const { code, out } = await call("reopen", [], { answer: "y", isTerminal: true });
      expect({ code, out }).toEqual({
        code: 0,
        out: `${key} (namespace emails): reopened. The next call runs, as attempt 2\n`,
      });
      expect((await emails.inspect(key))?.state).toBe("released");
    });

    it("touches no later claim: one that takes the key over while the question stands", async () => {
      await uncertain();
      const ask = async () => {
        await emails.withIdempotency(key, "1h", cut, { onUncertain: "rerun" }).catch(() => {});
        return "y";
      };
      const { code, err } = await call("reopen", [], { canAsk: true, ask });
      expect(code).toBe(1);
      expect(err).toContain("somebody else was first");
      expect(await emails.inspect(key)).toMatchObject({ state: "uncertain", attempt: 2 });
    });

    it("ends with 1 where there is no such key", async () => {
      expect(await call("reopen", ["--yes"])).toMatchObject({ code: 1, out: "" });
    });
  });

  describe("forget", () => {
    it("removes a key, whatever its state", async () => {
      await emails.withIdempotency(key, "1h", () => "sent");
      expect(await call("forget", ["--yes"])).toMatchObject({ code: 0, err: "" });
      expect(await emails.withIdempotency(key, "1h", () => "again")).toBe("again");
    });

    it("removes what nobody can read, which nothing else touches", async () => {
      await uncertain();
      await stage.garble(`:emails:${key}`);
      expect(await call("inspect")).toMatchObject({ code: 3 });
      expect(await call("reopen", ["--yes"])).toMatchObject({ code: 3 });
      expect(await call("forget", ["--yes"])).toMatchObject({ code: 0 });
      expect(await call("inspect")).toMatchObject({ code: 1 });
    });

    it("touches no later claim: one that comes after another operator has forgotten what nobody can read", async () => {
      await uncertain();
      await stage.garble(`:emails:${key}`);
      const fn = deferred<string>();
      let running: Promise<string> | undefined;
      const ask = async () => {
        await call("forget", ["--yes"]);
        const isRunning = deferred<void>();
        running = emails.withIdempotency(key, "1h", () => {
          isRunning.resolve();
          return fn.promise;
        });
        await isRunning.promise;
        return "y";
      };
      const { code, err } = await call("forget", [], { canAsk: true, ask });
      expect(code).toBe(1);
      expect(err).toContain("a later run has replaced it. Nothing was changed");
      expect(await emails.inspect(key)).toMatchObject({ state: "in-progress" });
      fn.resolve("sent");
      expect(await running).toBe("sent");
    });

    it("touches no later claim: one that takes the key over while the question stands", async () => {
      await uncertain();
      const ask = async () => {
        await emails.withIdempotency(key, "1h", () => "sent", { onUncertain: "rerun" });
        return "y";
      };
      const { code, err } = await call("forget", [], { canAsk: true, ask });
      expect(code).toBe(1);
      expect(err).toContain("a later run has replaced it. Nothing was changed");
      expect(await emails.inspect(key)).toMatchObject({ state: "completed", value: "sent" });
    });

    it("ends with 1 where there is no such key", async () => {
      expect(await call("forget", ["--yes"])).toMatchObject({ code: 1, out: "" });
    });

    it("names no key if it is redacted", async () => {
      await emails.withIdempotency(key, "1h", () => "sent");
      const asked = await call("forget", ["--redact"], { answer: "n" });
      const done = await call("forget", ["--redact", "--yes"]);
      for (const { out, err } of [asked, done]) expect(out + err).not.toContain(key);
      expect(done.code).toBe(0);
    });
  });

  it("purges what is past its time", async () => {
    expect(await command(["purge", "--yes", ...stage.at])).toMatchObject({ code: 0 });
    expect(linesOf(await command(["purge", "--yes", ...stage.at]))).toEqual([
      { action: "purged", removed: 0 },
    ]);
  });
});
