import { describe, expect, it } from "vitest";
import { InvalidKeyError, StoreError } from "../../../../src/contract/errors.ts";
import { CommandError, EXIT, exitCodeOf, messageOf, usage } from "../../../../src/operate/command/failure.ts";

describe("what an error says", () => {
  it("is its message, or at least its name", () => {
    expect(messageOf(new Error("down"))).toBe("down");
    expect(messageOf(new RangeError())).toBe("RangeError");
    expect(messageOf("down")).toBe("down");
  });

  it("is that of each address of a host", () => {
    const each = [new Error("::1 refused"), new AggregateError([new Error("127.0.0.1 refused")])];
    expect(messageOf(new AggregateError(each))).toBe("::1 refused; 127.0.0.1 refused");
    expect(messageOf(new AggregateError(each, "none is left"))).toBe("none is left");
  });
});

describe("what an error ends the command with", () => {
  it.each([
    ["what the command says itself", new CommandError(EXIT.not, "no"), EXIT.not],
    ["a wrong call", usage("no"), EXIT.usage],
    ["a wrong argument", new InvalidKeyError("no"), EXIT.usage],
    ["a store that fails", new StoreError("down"), EXIT.store],
    ["a client that fails", new Error("down"), EXIT.store],
    ["no error at all", undefined, EXIT.store],
  ])("%s", (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it("keeps its cause", () => {
    const cause = new Error("why");
    expect(new CommandError(EXIT.store, "no", cause).cause).toBe(cause);
  });
});
