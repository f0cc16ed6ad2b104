import { describe, expect, it } from "vitest";
import { keyText, storeKey } from "../../../../src/contract/key.ts";
import { masked, secretsOf } from "../../../../src/operate/command/secrets.ts";
import { jsonLine, namespaceOf, shownKey } from "../../../../src/operate/command/shown-key.ts";
import { layout } from "../../../../src/operate/command/table.ts";
import { fitted, paints, printable, widthOf } from "../../../../src/operate/command/terminal.ts";
import { ago, spanOf } from "../../../../src/operate/command/time.ts";

describe("what nobody else may see", () => {
  const hidden = (address: string, words: string) => masked(words, secretsOf([address]));

  it.each([
    ["redis://user:hunter2@host:6379", "WRONGPASS hunter2"],
    ["--redis=redis://:hunter2@host", "Invalid URL redis://:hunter2@host"],
    ["postgres://u:hun%40ter2@host/db", "password hun@ter2 or hun%40ter2"],
    ["postgres://u:hun@ter2@host/db", "hun@ter2 hun%40ter2"],
    ["postgres://u:hun/ter2@host:x/db", "cannot parse hun/ter2 hun%2Fter2"],
    ["postgres://host/db?password=hunter2&x=1", "got hunter2"],
    ["postgres://host/db?sslmode=on&sslpassword=hunter2", "got hunter2"],
    ["redis://:hunter%@host", "hunter%"],
    ["postgres://u:hén%w@host", "wrong password: hén%w, or h%C3%A9n%w"],
    ["redis://:hun ter2@host", "WRONGPASS hun ter2, or hun%20ter2"],
    ["redis://:hunter2@host and more", "WRONGPASS hunter2"],
  ])("is masked: %s", (address, words) => {
    const shown = hidden(address, words);
    expect(shown).toContain("***");
    expect(shown).not.toMatch(/hun|h(é|%C3%A9)n/);
  });

  it("is nothing where there is no password", () => {
    for (const address of ["redis://host:6379", "redis://user@host", "keys.db", "env:NAME", "a:b@c", ""]) {
      expect(secretsOf([address])).toEqual([]);
    }
  });
});

describe("what goes to a terminal", () => {
  it("does nothing to it", () => {
    expect(printable("a\u001b[31mred\u0007\n\u009b\u202eb")).toBe(
      "a\\u001b[31mred\\u0007\\u000a\\u009b\\u202eb",
    );
    expect(printable("Zoë 👍 日本")).toBe("Zoë 👍 日本");
  });

  it("is as wide as it is shown", () => {
    expect(["abc", "Zoë", "Zoe\u0308", "日本", "👍", ""].map(widthOf)).toEqual([3, 3, 3, 4, 2, 0]);
  });

  it("fits its places exactly", () => {
    expect(["abc", "abcd", "abcde", "日本語", "日本"].map(text => fitted(text, 4))).toEqual([
      "abc ",
      "abcd",
      "abc…",
      "日… ",
      "日本",
    ]);
    for (const text of ["abcde", "日本語", "a日本語"]) expect(widthOf(fitted(text, 4))).toBe(4);
  });

  it("has colours only where it is told", () => {
    expect(paints(false).red("no")).toBe("no");
    expect(paints(true).red("no")).toBe("\u001b[31mno\u001b[39m");
  });
});

describe("a table", () => {
  interface Row {
    key: string;
    count: string;
    id: string;
  }
  const columns = [
    { title: "KEY", of: ({ key }: Row) => key, least: 6 },
    { title: "COUNT", of: ({ count }: Row) => count, drop: 2 },
    { title: "ID", of: ({ id }: Row) => id, drop: 1 },
  ];
  const row = { key: "order-shipped:1041", count: "1", id: "0123456789" };
  const drawn = (room: number) => {
    const { header, row: line } = layout(columns, [row], room);
    return [header, line(row)];
  };

  it("is as wide as what is in it", () => {
    expect(drawn(80)).toEqual(["KEY                 COUNT  ID", "order-shipped:1041  1      0123456789"]);
  });

  it("cuts what may be cut, and then leaves columns out, and never is wider than there is room", () => {
    expect(drawn(28)[1]).toBe("order-sh…  1      0123456789");
    expect(drawn(20)).toEqual(["KEY            COUNT", "order-shippe…  1"]);
    expect(drawn(8)).toEqual(["KEY", "order-s…"]);
    for (let room = 6; room < 60; room += 1) {
      for (const line of drawn(room)) expect(widthOf(line), `${room}`).toBeLessThanOrEqual(room);
    }
  });

  it("cuts a later row to the widths of the first ones", () => {
    const { row: line } = layout(columns, [row], 80);
    expect(line({ ...row, key: "order-shipped:1041:and-more" })).toBe(
      "order-shipped:104…  1      0123456789",
    );
  });
});

it.each([
  [0, "0ms"],
  [999, "999ms"],
  [1_000, "1s"],
  [61_000, "1m 1s"],
  [3_600_000, "1h"],
  [86_399_000, "23h 59m"],
  [90_000_000, "1d 1h"],
  [-5, "0ms"],
])("%d ms are %s", (ms, text) => {
  expect(spanOf(ms)).toBe(text);
});

it("a time is told by how long ago it was", () => {
  expect(ago(new Date(0), 61_000)).toBe("1m 1s ago");
  expect(ago(new Date(5_000), 1_000)).toBe("now");
});

describe("a key as the store has it", () => {
  const record = {
    status: "uncertain",
    attempt: 1,
    runId: "run",
    leaseInMs: 0,
    expiresInMs: 1,
    claimedAt: 0,
  } as const;
  const LONG = "x".repeat(300);

  it.each([
    [undefined, "order:1", "order:1"],
    [undefined, ":odd:1", ":odd:1"],
    [undefined, ["a:b", "c"], "a\\:b:c"],
    [undefined, LONG, undefined],
    ["emails", "order:1", "order:1"],
    ["emails", ":odd", ":odd"],
    ["a:b", "c", "c"],
    ["a\\:b\\", ":", ":"],
    ["line\nbreak", "c", "c"],
    ["emails", LONG, undefined],
  ])("shows its namespace %j and its key %j", (namespace, key, shown) => {
    const at = storeKey(namespace, keyText(key));
    expect(namespaceOf(at)).toBe(namespace);
    expect(shownKey(at, record)).toMatchObject({ key: shown, storeKey: at });
  });

  it("shows the digest of a namespace that is too long", () => {
    expect(namespaceOf(storeKey("n".repeat(300), "key"))).toMatch(/^\\sha256\./);
  });
});

it("a line of JSON describes what JSON has no form for", () => {
  const value = {
    big: 1n,
    date: new Date(0),
    map: new Map([[1, 2]]),
    list: [1],
    none: undefined,
    plain: { a: 1 },
  };
  expect(jsonLine({ value })).toBe(
    '{"value":{"big":"1n","date":"1970-01-01T00:00:00.000Z","map":"Map(1) { 1 => 2 }","list":[1],"plain":{"a":1}}}\n',
  );
  expect(jsonLine({ key: undefined, value: [value.plain, value.plain] })).toBe(
    '{"value":[{"a":1},{"a":1}]}\n',
  );
  expect(jsonLine({ key: undefined })).toBe("{}\n");
});

describe("a line of JSON describes a result as a whole that is", () => {
  const cyclic: { id: string; self?: unknown } = { id: "msg_1" };
  cyclic.self = cyclic;
  const nested = (levels: number, around: (inner: object) => object) => {
    let all: object = {};
    for (let level = 0; level < levels; level++) all = around(all);
    return all;
  };

  it.each<[string, unknown]>([
    ["cyclic", cyclic],
    ["very deep", nested(20_000, inner => ({ inner }))],
    ["unfolded without end", nested(22, inner => ({ a: inner, b: inner }))],
  ])("%s", (_, value) => {
    const line = jsonLine({ key: "k", value });
    const shown = JSON.parse(line);
    expect(shown).toEqual({ key: "k", value: expect.stringMatching(/^(<ref \*1> )?\{/) });
    expect(line.length).toBeLessThan(10_000);
  });
});
