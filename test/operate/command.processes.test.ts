import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { sqliteStore } from "../../src/sqlite.ts";
import { notVerified } from "../support/servers/packages.ts";
import { linesOf, run, SOURCE } from "./command.ts";

const cut = () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
const PROCESS_MS = 60_000;

let folder: string;
let file: string;
let database: Database.Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "with-idempotency-process-"));
  file = join(folder, "keys.db");
  database = new Database(file);
  const { withIdempotency } = createIdempotency({ store: sqliteStore(database), namespace: "emails" });
  await withIdempotency("order:1", "1h", cut).catch(() => {});
});

afterAll(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

const source = (args: readonly string[], setting?: Parameters<typeof run>[2]) =>
  run(process.execPath, [...SOURCE, ...args], setting);

describe("the command as a process", { timeout: PROCESS_MS }, () => {
  it("writes lines of JSON into a pipe, and nothing else", async () => {
    const args = ["inspect", "order:1", "--namespace", "emails", "--sqlite", file];
    const ended = await source(args, { env: { FORCE_COLOR: "1" } });
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(linesOf(ended)).toMatchObject([{ key: "order:1", namespace: "emails", state: "uncertain" }]);
  });

  it("is of the package's version, and ends with its codes", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await source(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(await source(["lists"])).toMatchObject({ code: 2, out: "" });
    expect(await source(["inspect", "none", "--sqlite", file])).toMatchObject({ code: 1, out: "" });
    expect(await source(["inspect", "none", "--sqlite", join(folder, "none")])).toMatchObject({ code: 3 });
    expect(await source(["forget", "none", "--sqlite", file])).toMatchObject({ code: 2 });
  });

  it("ends quietly when whoever reads it has gone", async () => {
    const shell = `"${process.execPath}" ${SOURCE.join(" ")} --help | head -n 1`;
    const ended = await run("sh", ["-c", shell]);
    expect(ended).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^Usage: .*\n$/) });
  });
});

// util-linux' `script` gives a program a terminal; that of other systems takes other options.
const HAS_TERMINALS = process.platform === "linux" && existsSync("/usr/bin/script");

if (!HAS_TERMINALS) notVerified("the command on a terminal", "there is no /usr/bin/script of util-linux");
describe.skipIf(!HAS_TERMINALS)("the command on a terminal", { timeout: PROCESS_MS }, () => {
  const typed = (args: string, { before = "", answer = "" } = {}) => {
    const own = `"${process.execPath}" ${SOURCE.join(" ")} ${args}`;
    const shell = `printf '${answer}' | script -qec '${before}stty cols 60; ${own}' /dev/null`;
    return run("sh", ["-c", shell], { env: { TERM: "xterm" } });
  };

  it("shows lines in colour, unless NO_COLOR says otherwise", async () => {
    const args = `inspect order:1 --namespace emails --sqlite ${file}`;
    expect((await typed(args)).out).toContain("\u001b[1mstate:           \u001b[22muncertain");
    const plain = await typed(args, { before: "export NO_COLOR=1; " });
    expect(plain.out).toMatch(/^state: +uncertain/m);
    expect(plain.out).not.toContain("\u001b[1m");
  });

  it("asks, and does what it is told", async () => {
    const args = `reopen order:1 --namespace emails --sqlite ${file}`;
    const no = await typed(args, { answer: "n\\n" });
    expect(no.out).toContain("Reopen it, so that the next call runs? [y/N]");
    expect(no).toMatchObject({ code: 1, out: expect.stringContaining("Nothing was changed") });
    const ended = await typed(args, { answer: "\\004" });
    expect(ended).toMatchObject({ code: 1, out: expect.stringContaining("Nothing was changed") });
    const yes = await typed(args, { answer: "y\\n" });
    expect(yes).toMatchObject({
      code: 0,
      out: expect.stringContaining("reopened. The next call runs, as attempt 2"),
    });
  });
});

describe("what a shell completes", { timeout: PROCESS_MS }, () => {
  const completed = async (words: string[]) => {
    const { out } = await source(["completion", "bash"]);
    const asked = `COMP_WORDS=(${words.map(word => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`;
    const ended = await run("bash", [
      "-c",
      `${out}\n${asked}\n_with_idempotency\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);
    return ended.out.split("\n").filter(word => word !== "");
  };

  it("is commands, their options, and states, by bash", async () => {
    expect(await completed(["with-idempotency", "re"])).toEqual(["resolve", "reopen"]);
    expect(await completed(["with-idempotency", "list", "--o"])).toEqual(["--older-than"]);
    expect(await completed(["with-idempotency", "list", "--state", "c"])).toEqual(["completed"]);
    expect(await completed(["with-idempotency", "completion", "z"])).toEqual(["zsh"]);
  });

  it("has a form for zsh, too", async () => {
    const { code, out } = await source(["completion", "zsh"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^#compdef with-idempotency\n/);
    expect(out).toContain("'list:list keys\\:");
    expect(out).toContain("'--state[");
    // Bash reads the same quotes, and so finds those that do not close.
    expect((await run("bash", ["-n", "-c", out.replace(/\$words\[2\]/, "$words")])).err).toBe("");
  });
});
