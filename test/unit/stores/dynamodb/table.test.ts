import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTable } from "../../../../src/stores/dynamodb/table.ts";

/** A server whose table is in some state, and that refuses its time to live so many times. */
function server(TableStatus: string | undefined, refusals = 0) {
  const Table = {
    TableStatus,
    KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
  };
  const asked: string[] = [];
  const making = createTable(
    async operation => {
      asked.push(operation);
      if (operation === "updateTimeToLive" && refusals-- > 0) {
        throw Object.assign(new Error("Table is being updated"), { name: "ResourceInUseException" });
      }
      return operation === "describeTable" ? { Table } : {};
    },
    "keys",
    () => expect.unreachable(),
  );
  return { asked, making };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a table that is there", () => {
  it.each(["ACTIVE", "UPDATING"])("is ready while it is %s", async status => {
    const { asked, making } = server(status);
    await making;
    expect(asked).toEqual(["createTable", "describeTable", "updateTimeToLive"]);
  });

  it("gets its time to live once another change of it is done", async () => {
    const { asked, making } = server("UPDATING", 2);
    await vi.advanceTimersByTimeAsync(1_000);
    await making;
    expect(asked.slice(2)).toEqual(Array(3).fill("updateTimeToLive"));
  });

  it("is waited for no longer than two minutes until it takes its time to live", async () => {
    const { making } = server("UPDATING", Number.POSITIVE_INFINITY);
    const failing = expect(making).rejects.toMatchObject({ name: "ResourceInUseException" });
    await vi.advanceTimersByTimeAsync(121_000);
    await failing;
  });
});

describe("a table that is not ready after two minutes", () => {
  it.each([
    ["CREATING", "CREATING"],
    [undefined, "not there"],
  ])("is told with what to do: %s", async (status, is) => {
    const { making } = server(status);
    const failing = expect(making).rejects.toMatchObject({
      code: "STORE_ERROR",
      message: `The table keys is ${is} after two minutes: call createTable() again when DynamoDB says that it is ACTIVE`,
    });
    await vi.advanceTimersByTimeAsync(121_000);
    await failing;
  });
});
