import { expect, test } from "vitest";
import { claiming } from "../../../../src/stores/redis/claim.ts";
import { byName, type Connection, messageOf } from "../../../../src/stores/redis/client.ts";
import { explain, isRefusal } from "../../../../src/stores/redis/replies.ts";
import { firstRecord } from "../../../../src/stores/shared/record.ts";

const saying = (message: unknown) => Object.assign(new Error(), { message });
const UNSPEAKABLE = {
  toString() {
    throw new Error("cannot be said");
  },
};
const ODD = [42, null, undefined, { code: 1 }, UNSPEAKABLE, Object.create(null), Symbol("message")].map(
  saying,
);

test.each([saying("NOSCRIPT no"), { message: "NOSCRIPT of another realm" }])(
  "a script that the server does not know is run by its text: %o",
  async error => {
    const run = byName(
      () => Promise.reject(error),
      async () => "by text",
    );
    expect(await run).toBe("by text");
  },
);

test("an error whose message is no text is thrown as it is", async () => {
  for (const error of [...ODD, undefined, null, "NOPE"]) {
    const load = () => expect.fail("loaded");
    expect(await byName(() => Promise.reject(error), load).catch(error => error)).toBe(error);
    let thrown: unknown;
    try {
      explain(error);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(error);
    expect(isRefusal(error)).toBe(false);
    expect(typeof messageOf(error)).toBe("string");
  }
});

test("a plain claim that is refused in no text is made by the script", async () => {
  const taken = `taken ${firstRecord("a", 60_000, "0", "")}`;
  const connection = {
    add: () => Promise.reject(saying(["ERR syntax error"])),
    run: async () => taken,
  } as Partial<Connection> as Connection;
  const claim = claiming();
  const request = { token: "a", ttlMs: 60_000, leaseMs: 30_000 };
  for (let n = 0; n < 2; n += 1)
    expect(await claim(connection, "k", request)).toMatchObject({ status: "claimed", attempt: 1 });
});
