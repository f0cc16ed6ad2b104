import { describe } from "vitest";
import { CLIENTS, returningItems, USUAL_CLIENT } from "./clients.ts";
import { dynamodbConforms } from "./conforms.ts";

const others = Object.entries(CLIENTS).filter(([name]) => name !== USUAL_CLIENT);

describe.each(others)("a store in DynamoDB by %s", (_name, connect) => dynamodbConforms(connect));

describe("a store in DynamoDB, which returns the item with a failed condition", () => {
  dynamodbConforms(returningItems);
});

describe.each([45, -45])("stores in DynamoDB whose clocks are apart, by %i ms", aheadMs => {
  dynamodbConforms(CLIENTS[USUAL_CLIENT]!, { maxClockSkewMs: 45, aheadMs });
});
