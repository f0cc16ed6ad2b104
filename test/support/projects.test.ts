import { describe, expect, it } from "vitest";
import { projects, serversOf } from "./projects.ts";

describe("a test file", () => {
  it.each([
    ["test/unit/contract/duration.test.ts", []],
    ["test/behaviour/waiting.test.ts", []],
    ["test/stores/redis/gather.test.ts", []],
    ["test/stores/postgres/faults.server.test.ts", []],
    ["test/stores/redis/server.test.ts", ["redisUrl"]],
    ["test/stores/postgres/store.test.ts", ["postgresUrl"]],
    // By what it imports.
    ["test/stores/postgres/conformance.test.ts", ["postgresUrl"]],
    ["test/stores/mysql/store.test.ts", ["mysqlUrl"]],
    ["test/stores/dynamodb/store.test.ts", ["dynamodbUrl"]],
    ["test/docs/samples.test.ts", ["redisUrl", "postgresUrl", "mysqlUrl", "dynamodbUrl"]],
  ])("%s needs the servers %j", (file, servers) => {
    expect(serversOf(file)).toEqual(servers);
  });
});

describe("the projects", () => {
  const all = projects(() => true).map(({ test }) => test!);
  const of = (name: string) => all.find(test => test.name === name)!;

  it("start a server only for those who need it", () => {
    expect(of("plain")).not.toHaveProperty("globalSetup");
    expect(of("redis").globalSetup).toEqual(["test/support/servers/redis.setup.ts"]);
    expect(of("postgres").globalSetup).toEqual(["test/support/servers/postgres.setup.ts"]);
    expect(of("redis+postgres").globalSetup).toHaveLength(2);
  });

  it("have each file once", () => {
    const served = all.filter(test => test.name !== "plain").flatMap(test => test.include!);
    expect(served.length).toBeGreaterThan(10);
    expect(new Set(served).size).toBe(served.length);
    expect(of("plain").exclude).toEqual(expect.arrayContaining(served));
  });

  it("leave out what is not asked for", () => {
    const [plain, ...served] = projects(file => !file.includes("stores/redis")).map(({ test }) => test!);
    const redis = "test/stores/redis/server.test.ts";
    expect(served.flatMap(test => test.include)).not.toContain(redis);
    expect(plain!.exclude).toContain(redis);
    expect(plain!.exclude).toContain("test/stores/redis/gather.test.ts");
  });
});
