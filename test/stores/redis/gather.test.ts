import { Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { gathering, together } from "../../../src/stores/redis/gather.ts";

/** A stream that knows what was written to it at once. */
function recording() {
  const writes: string[][] = [];
  const text = (chunk: unknown) => String(chunk);
  const stream = new Writable({
    write(chunk, _, done) {
      writes.push([text(chunk)]);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => text(chunk)));
      done();
    },
  });
  return { stream, writes };
}

describe("commands that are gathered", () => {
  it("go out by themselves, one a turn", async () => {
    const { stream, writes } = recording();
    const gather = gathering(() => stream);
    for (const command of ["a", "b", "c"]) {
      gather();
      stream.write(command);
      expect(writes.at(-1)).toEqual([command]);
      await turn();
    }
  });

  it.each([
    [2, [1, 1]],
    [17, [1, 16]],
    [18, [1, 16, 1]],
    [40, [1, 16, 16, 7]],
  ])("are %i of a turn in writes of %j, in their order", async (count, sizes) => {
    const { stream, writes } = recording();
    const gather = gathering(() => stream);
    for (let again = 0; again < 2; again += 1) {
      for (let n = 0; n < count; n += 1) {
        gather();
        stream.write(`${n}`);
        // As the answers to others do, which come in one after the other.
        await undefined;
      }
      await turn();
      expect(writes.map(write => write.length)).toEqual(sizes);
      expect(writes.flat().map(Number)).toEqual(Array.from({ length: count }, (_, n) => n));
      writes.length = 0;
    }
  });

  it("go out though the connection is replaced meanwhile", async () => {
    const [old, fresh] = [recording(), recording()];
    let { stream } = old;
    const gather = gathering(() => stream);
    for (let n = 0; n < 4; n += 1) {
      gather();
      stream.write(`${n}`);
      if (n === 2) stream = fresh.stream;
    }
    await turn();
    expect([old.writes.flat(), fresh.writes.flat()]).toEqual([["0", "1", "2"], ["3"]]);
  });

  it("of later turns go out though a stream could not be uncorked", async () => {
    const { stream, writes } = recording();
    const broken = {
      cork() {},
      uncork() {
        throw new Error("closed");
      },
    };
    let isBroken = true;
    const gather = gathering(() => (isBroken ? broken : stream));
    for (let n = 0; n < 17; n += 1) gather();
    isBroken = false;
    expect(gather).toThrow("closed");
    await turn();
    for (const command of ["a", "b", "c"]) {
      gather();
      stream.write(command);
    }
    await turn();
    expect(writes).toEqual([["a"], ["b", "c"]]);
  });

  it("need no connection", async () => {
    const gather = gathering(() => undefined);
    for (let n = 0; n < 40; n += 1) expect(gather).not.toThrow();
    await turn();
  });

  it("go out though a test has put a timer of its own in the place of nextTick", async () => {
    const { stream, writes } = recording();
    const gather = gathering(() => stream);
    const { nextTick } = process;
    onTestFinished(() => {
      process.nextTick = nextTick;
    });
    process.nextTick = () => {};
    for (const command of ["a", "b"]) {
      gather();
      stream.write(command);
    }
    process.nextTick = nextTick;
    await turn();
    expect(writes).toEqual([["a"], ["b"]]);
  });

  describe("by a module that was loaded while a test had put another in the place of nextTick", () => {
    const { nextTick } = process;
    afterEach(() => {
      process.nextTick = nextTick;
      vi.resetModules();
    });

    const OTHERS: Record<string, typeof process.nextTick> = {
      "one that never calls back": () => {},
      // As a fake one does whose clock is moved, and then no more.
      "a fake one that has called back": Object.assign(
        vi.fn<typeof process.nextTick>(() => {}).mockImplementationOnce(act => nextTick(act)),
        { clock: {} },
      ),
    };
    it.each(Object.entries(OTHERS))("go out, each turn's: %s", async (_, other) => {
      const { stream, writes } = recording();
      vi.resetModules();
      process.nextTick = other;
      const { gathering } = await import("../../../src/stores/redis/gather.ts");
      const gather = gathering(() => stream);
      const send = async (...commands: string[]) => {
        for (const command of commands) {
          gather();
          stream.write(command);
        }
        await turn();
      };
      await send("a", "b");
      process.nextTick = nextTick;
      for (const command of ["c", "d", "e"]) await send(command);
      expect(writes).toEqual([["a"], ["b"], ["c"], ["d"], ["e"]]);
      await send("f", "g", "h");
      expect(writes.slice(5)).toEqual([["f"], ["g", "h"]]);
    });
  });

  // B6
  it("and sent together go out in one write for each stream, what is gathered among them included", async () => {
    const [one, other] = [recording(), recording()];
    const gather = gathering(() => one.stream);
    const send = () => {
      for (let n = 0; n < 40; n += 1) {
        gather();
        one.stream.write(`${n}`);
        other.stream.write(`${n}`);
      }
      return "sent";
    };
    expect(together([one.stream, other.stream], send)).toBe("sent");
    await turn();
    expect([one, other].map(({ writes }) => writes.map(write => write.length))).toEqual([[40], [40]]);
  });

  it("and sent together go out though one of them could not be sent", async () => {
    const { stream, writes } = recording();
    const send = () => {
      stream.write("a");
      throw new Error("refused");
    };
    expect(() => together([stream], send)).toThrow("refused");
    expect(writes).toEqual([["a"]]);
  });
});
