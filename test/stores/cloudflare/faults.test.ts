import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ifObtainable } from "../../support/servers/packages.ts";
import { obtainWorkerRuntime, type RunningWorker, startWorker } from "../../support/servers/workerd.ts";
import { TESTED } from "./scene.ts";

const TIMEOUT_MS = 120_000;

const runtime = await ifObtainable("the stores on Cloudflare, by workerd", obtainWorkerRuntime());

describe.skipIf(runtime === undefined)("on workerd", { timeout: TIMEOUT_MS }, () => {
  let worker: RunningWorker;
  const ask = async (path: string, query: Record<string, string> = {}) => {
    const response = await worker.ask(`${path}?${new URLSearchParams(query)}`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    return JSON.parse(text);
  };
  const until = async (path: string, key: string, state: string) => {
    while ((await ask(path, { key })) !== state) await new Promise(resolve => setTimeout(resolve, 50));
  };

  beforeAll(async () => {
    worker = await startWorker(runtime!, join(import.meta.dirname, "worker/worker.ts"), TESTED);
    await ask("/migrate");
  }, TIMEOUT_MS);
  afterAll(() => worker?.stop());

  describe("a store in D1", () => {
    it("takes one round trip an operation, and a replay writes nothing", async () => {
      // Round trips, and rows written: an entry of the index counts as one.
      expect(await ask("/trips")).toEqual({
        "a first call": [2, 3],
        "a replay": [1, 0],
        "a claim": [1, 2],
        "a claim in progress": [1, 0],
        "a renewal": [1, 1],
        "a release": [1, 1],
        "a claim of a released key": [1, 2],
        "a hold": [1, 1],
        "a takeover": [1, 2],
        "a forget": [1, 1],
        "a read": [1, 0],
        "250 claims": [3, 500],
        "250 completions": [3, 250],
        "a purge of one": [1, 1],
      });
    });

    it.each([
      ["0,1", "absent", [1, 2], false],
      ["1,0", "absent", [2, 1], false],
      ["0,1", "released", [1, 2], false],
      ["1,0", "released", [2, 1], false],
      ["0,1", "uncertain", [1, 2], true],
      ["1,0", "uncertain", [2, 1], true],
    ])("lets one of two take a key, in the order %s: %s", async (order, from, places, takeover) => {
      const answers = await ask("/race", { order, from });
      const attempt = from === "absent" ? 1 : 2;
      const won = { status: "claimed", attempt, takeover };
      const lost = { status: "in-progress", attempt };
      expect(answers).toMatchObject(places[0] === 1 ? [won, lost] : [lost, won]);
    });

    it.each([
      // The claim is lost on its way, or its answer is: once more with the same token it is the same claim.
      ["before", 1],
      ["after", 1],
      // So is the completion, or the answer to it.
      ["not,before", 1],
      ["not,after", 1],
      ["after,not,after", 1],
    ])("runs once where its connection breaks: %s", async (plan, runs) => {
      const { first, second, runs: ran } = await ask("/cuts", { plan });
      expect(first).toMatchObject({ value: "run 1", attempt: 1, replayed: false });
      expect(second).toMatchObject({ value: "run 1", attempt: 1, replayed: true });
      expect(ran).toBe(runs);
    });

    it("runs nothing where it cannot claim, and frees what it may have claimed", async () => {
      const { first, second } = await ask("/cuts", { plan: "before,before,before" });
      expect(first).toBe("STORE_ERROR");
      expect(second).toMatchObject({ value: "run 1", replayed: false });
    });

    it.each([
      ["D1_ERROR: Network connection lost.", "uncertain"],
      ["D1_ERROR: Internal error in D1 DB storage caused object to be reset.", "uncertain"],
      ["D1_ERROR: D1 DB reset because its code was updated.", "uncertain"],
      ["D1_ERROR: D1 DB is overloaded. Too many requests queued.", "released"],
    ])("leaves a key whose fn failed with %s %s", async (message, state) => {
      expect(await ask("/effect", { message })).toEqual({ first: message, state });
    });

    it("removes records past their time along with claims, a hundred at once", async () => {
      expect(await ask("/purging")).toEqual([150, 51, 2, 3]);
    });

    it("refuses a session, and says how to make a table that is missing", async () => {
      const { session, missing } = await ask("/refused");
      expect(session).toMatch(/a session of D1 is none: give it the database itself/);
      expect(missing).toMatch(/^STORE_ERROR: .*"never_made"; there is none: put the SQL of d1Schema\(\)/);
    });

    it("takes no record that it cannot read for absent", async () => {
      expect(await ask("/unreadable")).toBe("RESULT_UNAVAILABLE");
    });
  });

  describe("a store in a Durable Object", () => {
    it("lets calls at once share a run", async () => {
      const calls = Promise.all([1, 2, 3].map(() => ask("/object/run", { key: "shared" })));
      await ask("/object/finish", { runs: "1" });
      const answers = await calls;
      expect(answers.map(({ value }) => value)).toEqual([1, 1, 1]);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    });

    it("leaves the key of a run uncertain whose object was evicted after something went out", async () => {
      expect(await ask("/object/die", { key: "evicted", sends: "" })).toMatch(/evicted/);
      expect(await ask("/object/attempt", { key: "evicted" })).toBe("IN_PROGRESS");
      await until("/object/state", "evicted", "uncertain");
      expect(await ask("/object/attempt", { key: "evicted" })).toBe("OUTCOME_UNKNOWN");
      expect(await ask("/object/attempt", { key: "evicted", rerun: "" })).toBe("ran 2");
      expect(await ask("/object/attempt", { key: "evicted" })).toBe("ran 2, replayed");
    });

    it("holds back what goes out until the claim is on the disk: before that, both are gone", async () => {
      expect(await ask("/object/die", { key: "undone" })).toMatch(/evicted/);
      expect(await ask("/object/attempt", { key: "undone" })).toBe("ran 1");
    });

    it("makes its table again after deleteAll", async () => {
      expect(await ask("/object/delete-all")).toEqual(["ran 1", null, "ran 1"]);
    });

    it("removes records past their time along with claims, and sets no alarm", async () => {
      expect(await ask("/object/purging")).toEqual([150, 51, 2, 3, null]);
    });

    it("does each of many alone where one of them fails", async () => {
      expect(await ask("/object/batch-with-fault")).toEqual([true, "RESULT_UNAVAILABLE", true]);
    });

    it("refuses what is no storage with SQLite, and says what to do", async () => {
      const [ctx, sql, env, old] = await ask("/object/refused");
      expect(ctx).toMatch(/its ctx is none: give it ctx\.storage/);
      expect(sql).toMatch(/its ctx\.storage\.sql is none: give it ctx\.storage/);
      expect(env).toMatch(/without transactionSync/);
      expect(old).toMatch(/new_sqlite_classes/);
    });
  });

  describe("the end of an isolate, and of the machine that it ran on", () => {
    it.each(["/d1", "/object"])("loses no key: %s", async store => {
      const attempt = (key: string, more = {}) => ask(`${store}/attempt`, { key, ...more });
      const key = `restarted${store}`;
      expect(await attempt(`${key}:done`)).toBe("ran 1");
      const run = ask(`${store}/run`, { key }).catch(() => "cut");
      await until(`${store}/state`, key, "in-progress");
      await worker.restart();
      expect(await run).toBe("cut");
      expect(await attempt(`${key}:done`)).toBe("ran 1, replayed");
      await until(`${store}/state`, key, "uncertain");
      expect(await attempt(key)).toBe("OUTCOME_UNKNOWN");
      expect(await attempt(key, { rerun: "" })).toBe("ran 2");
    });
  });
});
