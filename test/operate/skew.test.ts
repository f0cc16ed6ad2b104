import { expect, inject, it, vi } from "vitest";
import { dynamodbScene, newKey } from "../stores/dynamodb/scene.ts";
import { command, linesOf } from "./command.ts";

const scene = dynamodbScene(() => inject("dynamodbUrl"));
const LIVES = { ttlMs: 60_000, leaseMs: 30_000 };

it("the command takes no run for ended with the maxClockSkew of the store", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  const key = newKey();
  const worker = scene.store({ maxClockSkew: "1m", clock: () => Date.now() - 50_000 });
  await worker.claim(key, { token: "a", ...LIVES });
  const at = ["--dynamodb", "eu-central-1", "--endpoint", inject("dynamodbUrl"), "--table", scene.table];
  const told = [...at, "--max-clock-skew", "1m"];
  expect(linesOf(await command(["inspect", key, ...told]))).toMatchObject([{ state: "in-progress" }]);
  expect(await command(["reopen", key, "--yes", ...told])).toMatchObject({ code: 1 });
  expect(await worker.renew(key, "a", 30_000)).toBe(true);
  expect(await command(["list", ...at, "--max-clock-skew", "far"])).toMatchObject({ code: 2 });
});
