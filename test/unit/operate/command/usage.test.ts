import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createIdempotency } from "../../../../src/index.ts";
import { ADDRESSES } from "../../../../src/operate/addresses/addresses.ts";
import { VERBS } from "../../../../src/operate/command/verbs.ts";
import { sqliteStore } from "../../../../src/sqlite.ts";
import { command } from "../../../operate/command.ts";

const ADDRESS = ["--redis", "redis://user:hunter2@127.0.0.1:1"];
const empty = mkdtempSync(join(tmpdir(), "with-idempotency-command-"));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

describe("the help", () => {
  it("names every command and store, and what the command ends with", async () => {
    const { code, out } = await command(["--help"]);
    expect(code).toBe(0);
    for (const name of [...Object.keys(VERBS), "completion"])
      expect(out).toMatch(new RegExp(`^  ${name} `, "m"));
    for (const name of Object.keys(ADDRESSES)) expect(out).toContain(`--${name} `);
    for (const exit of [0, 1, 2, 3]) expect(out).toMatch(new RegExp(`^  ${exit}  `, "m"));
  });

  it.each([...Object.keys(VERBS), "completion"])(
    "of %s names its options and shows an example",
    async name => {
      const { code, out, err } = await command([name, "--help"]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain(`Usage: with-idempotency ${name}`);
      for (const flag of VERBS[name]?.flags ?? []) expect(out).toContain(`--${flag}`);
      expect(out).toMatch(/^ {2}with-idempotency /m);
    },
  );

  it("needs neither a store nor a client", async () => {
    expect(await command(["list", "-h"], { cwd: empty })).toMatchObject({ code: 0 });
  });
});

it("the version is the package's", async () => {
  expect(await command(["--version"])).toEqual({ code: 0, out: "1.2.3\n", err: "" });
});

describe("what is called in a wrong way ends with 2", () => {
  it.each<[string, string[], string]>([
    ["nothing", [], "expected a command\nSee: with-idempotency --help"],
    ["an unknown command", ["lists"], "expected a command: list, inspect"],
    ["an inherited name", ["toString"], "expected a command: list"],
    ["an unknown option", ["list", "--older", "5m", ...ADDRESS], "--older"],
    [
      "no store",
      ["list"],
      "expected the address of one store: --redis URL, --postgres URL, --mysql URL, --sqlite FILE, --dynamodb REGION; got 0",
    ],
    ["two stores", ["list", ...ADDRESS, "--sqlite", "a.db"], "got 2"],
    ["a variable that is not there", ["list", "--redis", "env:NOT_THERE"], "--redis: expected an address"],
    ["no key", ["inspect", ...ADDRESS], "expected one KEY beside the options; got 0"],
    ["two keys", ["inspect", "a", "b", ...ADDRESS], "got 2"],
    ["a key where none goes", ["list", "a", ...ADDRESS], "expected nothing beside the options; got 1"],
    ["an empty key", ["inspect", " ", ...ADDRESS], "key: expected a non-empty string"],
    ["a state that is none", ["list", "--state", "lost", ...ADDRESS], '--state: expected "uncertain"'],
    ["a duration that is none", ["list", "--older-than", "5", ...ADDRESS], "--older-than"],
    ["a table of Redis", ["list", "--table", "t", ...ADDRESS], "--table does not go with --redis"],
    ["an endpoint of SQL", ["list", "--endpoint", "http://a", "--sqlite", "a.db"], "--endpoint does not go"],
    [
      "a prefix of DynamoDB",
      ["list", "--prefix", "p", "--dynamodb", "eu-central-1"],
      "--prefix does not go with --dynamodb",
    ],
    ["a table that is none", ["list", "--table", "a b", "--dynamodb", "eu-central-1"], "table: expected"],
    ["a prefix of SQL", ["list", "--prefix", "p", "--sqlite", "a.db"], "--prefix does not go with --sqlite"],
    ["no ttl", ["resolve", "a", "--yes", "--value", "1", ...ADDRESS], "expected --ttl DURATION"],
    [
      "a long ttl",
      ["resolve", "a", "--yes", "--value", "1", "--ttl", "25h", ...ADDRESS],
      "ttl: expected from 1 s to 24 h",
    ],
    ["no value", ["resolve", "a", "--yes", "--ttl", "1h", ...ADDRESS], "expected --value JSON"],
    [
      "no JSON",
      ["resolve", "a", "--yes", "--ttl", "1h", "--value", "{a}", ...ADDRESS],
      "--value: expected JSON",
    ],
    ["an empty namespace", ["list", "--namespace", "", ...ADDRESS], "--namespace: expected a non-empty"],
    ["a blank namespace", ["inspect", "a", "--namespace", " ", ...ADDRESS], '; got " "'],
    ["two namespaces", ["inspect", ":a:b", "--store-key", "--namespace", "a", ...ADDRESS], "--store-key has"],
    ["a shell that is not known", ["completion", "fish"], "SHELL: expected bash or zsh; got fish"],
    ["a reopening that nobody is asked about", ["reopen", "a", ...ADDRESS], "pass --yes"],
    [
      "a resolution that nobody is asked about",
      ["resolve", "a", "--value", "1", "--ttl", "1h", ...ADDRESS],
      "--yes",
    ],
    ["an oblivion that nobody is asked about", ["forget", "a", ...ADDRESS], "pass --yes"],
    ["a purge that nobody is asked about", ["purge", ...ADDRESS], "pass --yes"],
  ])("%s", async (_, args, message) => {
    const { code, out, err } = await command(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).not.toContain("hunter2");
  });

  it("an address that is an operand by mistake, whose password is not repeated", async () => {
    const { code, err } = await command(["completion", "redis://user:hunter2@host"]);
    expect(code).toBe(2);
    expect(err).toContain("redis://user:***@host");
  });
});

describe("a client that fails to close", () => {
  const cwd = mkdtempSync(join(tmpdir(), "with-idempotency-closing-"));
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));
  const libsql = createRequire(import.meta.url).resolve("libsql");
  const folder = join(cwd, "node_modules/libsql");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "index.js"),
    `module.exports = class extends require(${JSON.stringify(libsql)}) {
      close() { super.close(); throw new Error("closed already"); }
    };`,
  );

  it("changes nothing of what the verb came to", async () => {
    const database = new Database(join(cwd, "keys.db"));
    await createIdempotency({ store: sqliteStore(database) }).withIdempotency("a", "1h", () => "sent");
    database.close();
    const at = ["--sqlite", "keys.db"];
    expect(await command(["inspect", "a", ...at], { cwd })).toMatchObject({ code: 0, err: "" });
    expect(await command(["inspect", "b", ...at], { cwd })).toMatchObject({ code: 1 });
    const { code, err } = await command(["list", ...at, "--table", "none"], { cwd });
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining("expected the table none") });
  });
});

describe("a store that cannot be reached ends with 3", () => {
  it.each([
    ["redis", "redis://user:hunter2@127.0.0.1:1"],
    ["postgres", "postgres://user:hunter2@127.0.0.1:1/db"],
    ["mysql", "mysql://user:hunter2@127.0.0.1:1/db"],
    ["redis", "redis://user:hunter2@not a host"],
    ["postgres", "postgres://user:hunter2@not a host/db"],
    ["mysql", "mysql://user:hunter2@not a host/db"],
  ])("%s at %s", async (name, address) => {
    for (const verb of [["list"], ["inspect", "a"], ["doctor"]]) {
      const { code, out, err } = await command([...verb, `--${name}`, address]);
      expect({ code, out }, err).toEqual({ code: 3, out: "" });
      expect(err).toMatch(/^with-idempotency: \S/);
      expect(err).not.toContain("hunter2");
    }
  });

  it("a DynamoDB that is not there, whose endpoint's password is not repeated", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
    const at = ["--dynamodb", "eu-central-1", "--endpoint", "http://user:hunter2@127.0.0.1:1"];
    for (const verb of [["list"], ["inspect", "a"], ["doctor"]]) {
      const { code, out, err } = await command([...verb, ...at]);
      expect({ code, out }, err).toEqual({ code: 3, out: "" });
      expect(err).toContain("no connection to DynamoDB");
      expect(err).not.toContain("hunter2");
    }
  });

  it("by an address from a variable, whose password is not repeated either", async () => {
    const env = { ADDRESS: "redis://user:hunter2@not a host" };
    for (const args of [["--redis", "env:ADDRESS"], ["--redis=env:ADDRESS"]]) {
      const { code, err } = await command(["list", ...args], { env });
      expect(code).toBe(3);
      expect(err).not.toContain("hunter2");
    }
  });

  it("a file that is not there, and is not made", async () => {
    const { code, err } = await command(["list", "--sqlite", "none.db"], { cwd: empty });
    expect(code).toBe(3);
    expect(err).toContain("there is no such file");
  });
});

describe("a project without a client", () => {
  it.each([
    ["redis", "npm install ioredis"],
    ["postgres", "npm install pg"],
    ["mysql", "npm install mysql2"],
    ["dynamodb", "npm install @aws-sdk/client-dynamodb"],
  ])("of %s is told which to install", async (name, advice) => {
    const { code, err } = await command(["list", `--${name}`, "x://host"], { cwd: empty });
    expect(code).toBe(3);
    expect(err).toContain(advice);
    expect(err).toContain(ADDRESSES[name]!.clients.join(", "));
  });
});

describe("what a shell completes by", () => {
  it.each(["bash", "zsh"])("is written for %s, with every command and its options", async shell => {
    const { code, out, err } = await command(["completion", shell], { cwd: empty });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const [name, { flags }] of Object.entries(VERBS)) {
      const line = out.split("\n").find(each => each.trim().startsWith(`${name}) `));
      for (const flag of flags) expect(line).toContain(`--${flag}`);
    }
  });
});
