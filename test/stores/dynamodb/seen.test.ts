import { describe, inject, vi } from "vitest";
import { itMindsTheClaim } from "../sql/seen.ts";
import { dynamodbScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = dynamodbScene(() => inject("dynamodbUrl"));
const expire = (key: string) => scene.change(key, { expires_at: { N: "1" } });

describe("a store in DynamoDB", () => itMindsTheClaim({ store: () => scene.store(), expire }));
