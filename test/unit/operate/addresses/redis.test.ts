import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REDIS } from "../../../../src/operate/addresses/redis.ts";
import type { Io } from "../../../../src/operate/command/io.ts";

// Packages that keep what a cluster's client is made with, and say that every node is one of a cluster.
const NODE_REDIS = `
const client = { on() {}, connect: async () => {}, destroy() {}, evalSha() {},
  sendCommand: async () => "cluster_enabled:1" };
exports.createClient = () => client;
exports.createCluster = options => { exports.made = options; return client; };`;
const IOREDIS = `
class Redis { on() {} async connect() {} disconnect() {} async call() { return "cluster_enabled:1"; } }
exports.Redis = Redis;
exports.Cluster = class extends Redis {
  constructor(nodes, options) { super(); exports.made = { nodes, ...options }; }
};`;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "with-idempotency-redis-"));
  for (const [name, code] of Object.entries({ redis: NODE_REDIS, ioredis: IOREDIS })) {
    const folder = join(root, `of-${name}`, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "index.js"), code);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the cluster's client of that package is made with. */
async function made(name: string, url: string): Promise<Record<string, unknown>> {
  const cwd = join(root, `of-${name}`);
  const { close } = await REDIS.open(url, {} as never, { cwd } as Io);
  await close();
  const module = await import(join(cwd, "node_modules", name, "index.js"));
  return module.default.made;
}

describe("a cluster's nodes", () => {
  it("are spoken to by TLS where the address says so, also those that it names itself", async () => {
    const account = { username: "u", password: "p@w" };
    expect(await made("redis", "rediss://u:p%40w@host:6379")).toMatchObject({
      rootNodes: [{ url: "rediss://u:p%40w@host:6379" }],
      defaults: { ...account, socket: { tls: true, connectTimeout: 5_000 } },
    });
    expect(await made("ioredis", "rediss://u:p%40w@host:6380")).toMatchObject({
      nodes: [{ host: "host", port: 6380 }],
      redisOptions: { ...account, tls: {} },
    });
  });

  it("are spoken to without it where it does not", async () => {
    expect(JSON.stringify(await made("redis", "redis://host"))).not.toContain("tls");
    expect(JSON.stringify(await made("ioredis", "redis://host"))).not.toContain("tls");
  });

  it("may have an address of IPv6", async () => {
    expect(await made("ioredis", "redis://[::1]:7000")).toMatchObject({
      nodes: [{ host: "::1", port: 7000 }],
    });
  });
});
