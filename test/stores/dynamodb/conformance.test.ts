import { describe } from "vitest";
import { CLIENTS, USUAL_CLIENT } from "./clients.ts";
import { dynamodbConforms } from "./conforms.ts";

describe("a store in DynamoDB by a DynamoDB of the AWS SDK", () => {
  dynamodbConforms(CLIENTS[USUAL_CLIENT]!);
});
