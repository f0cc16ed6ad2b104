import { describe, expect, it } from "vitest";
import { clock, examined } from "../../../src/operate/doctor/finding.ts";
import { readInfo } from "../../../src/operate/doctor/redis.ts";
import { disk } from "../../../src/operate/doctor/sqlite.ts";

const HEALTHY = {
  redis_version: "7.2.4",
  role: "master",
  maxmemory: "0",
  maxmemory_policy: "noeviction",
  loading: "0",
  aof_enabled: "1",
  aof_last_write_status: "ok",
};
const read = (more: Record<string, string>) => readInfo(new Map(Object.entries({ ...HEALTHY, ...more })));
const problems = (more: Record<string, string>) => read(more).filter(({ status }) => status === "problem");

describe("what a server says of itself", () => {
  it("is fine", () => {
    expect(problems({})).toEqual([]);
    expect(read({ valkey_version: "8.0.1" })[0]).toMatchObject({ status: "ok", found: "Valkey 8.0.1" });
  });

  it.each([
    [{ redis_version: "5.0.7" }, "version", "Redis 5.0.7"],
    [{ loading: "1" }, "persistence", "still reads its data"],
    [{ aof_last_write_status: "err" }, "persistence", "cannot be written: err"],
    [
      { slave0: "ip=1,port=2,state=online", slave1: "ip=1,port=3,state=send_bulk" },
      "replicas",
      "1 of 2 replicas is",
    ],
    [{ slave0: "state=wait_bgsave", slave1: "state=send_bulk" }, "replicas", "2 of 2 replicas are"],
  ])("is to be mended: %j", (more, check, found) => {
    expect(problems(more as unknown as Record<string, string>)).toMatchObject([
      { check, found: expect.stringContaining(found) },
    ]);
  });

  it("is noted where it only speaks the protocol", () => {
    expect(read({ dragonfly_version: "df-1.2" })[0]).toMatchObject({ status: "note" });
  });
});

describe("clocks", () => {
  const at = (theirs: number, ...ours: number[]) =>
    clock(
      "clock",
      async () => theirs,
      () => ours.shift()!,
    );

  it("agree within a second, beyond what the question took", async () => {
    for (const theirs of [9_000, 10_000, 15_000, 16_000]) {
      expect(await at(theirs, 10_000, 15_000)).toMatchObject({ status: "ok" });
    }
  });

  it("differ beyond that", async () => {
    expect(await at(8_900, 10_000, 15_000)).toMatchObject({ found: expect.stringContaining("1.1 s behind") });
    expect(await at(17_500, 10_000, 15_000)).toMatchObject({
      found: expect.stringContaining("2.5 s ahead of"),
    });
  });
});

it("a look that fails is a finding, too", async () => {
  const failing = () => Promise.reject(new Error("denied"));
  const thrown = () => Promise.reject("denied");
  for (const look of [failing, thrown]) {
    expect(await examined("clock", look, "ask for it")).toEqual([
      { check: "clock", status: "unknown", found: "unavailable: denied", mend: "ask for it" },
    ]);
  }
});

it("a file on a network's file system is no place for SQLite", () => {
  expect(disk(false).status).toBe("ok");
  expect(disk(true)).toMatchObject({ status: "problem", mend: expect.stringContaining("local disk") });
});
