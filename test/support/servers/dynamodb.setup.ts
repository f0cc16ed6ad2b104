import type { TestProject } from "vitest/node";
import { startDynalite } from "./dynamodb.ts";
import { startOnce } from "./once.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A dynalite, or what `TEST_DYNAMODB_URL` names, such as Amazon's own local server, for all tests of the run. */
    dynamodbUrl: string;
  }
}

const { TEST_DYNAMODB_URL } = process.env;

/** vitest's global setup of the projects whose tests inject `dynamodbUrl`: one server for the run. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { url, release } = await startOnce("dynamodb", findOrStart);
  provide("dynamodbUrl", url);
  return release;
}

async function findOrStart() {
  if (!TEST_DYNAMODB_URL) return startDynalite();
  return {
    url: TEST_DYNAMODB_URL,
    about: `DynamoDB at ${TEST_DYNAMODB_URL} (TEST_DYNAMODB_URL)`,
    stop: async () => {},
  };
}
