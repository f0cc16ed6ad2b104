import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, it } from "vitest";
import { dynamodb } from "./clients.ts";
import { dynamodbScene, LONG, newKey } from "./scene.ts";

const scene = dynamodbScene(() => inject("dynamodbUrl"));

it("of another program that has an expires_at in seconds is no free key, and purge leaves it", async () => {
  const key = newKey();
  const theirs = {
    key: { S: key },
    expires_at: { N: `${Math.floor(Date.now() / 1_000) + 86_400}` },
    data: { S: "theirs" },
  };
  await scene.client.putItem({ TableName: scene.table, Item: theirs });
  const store = scene.store();
  await expect.soft(store.read(key)).rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
  await expect
    .soft(store.claim(key, { token: "a", ...LONG }))
    .rejects.toMatchObject({ code: "RESULT_UNAVAILABLE" });
  await scene.client.putItem({ TableName: scene.table, Item: theirs });
  expect.soft(await store.purge()).toBe(0);
  expect.soft(await scene.item(key)).toEqual(theirs);
  // Whoever says so removes it all the same.
  expect.soft(await store.forget(key)).toBe(true);
  expect.soft(await scene.item(key)).toBeUndefined();
});

it("ends a silent request by the setting that the guide shows", async () => {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = dynamodb(url, {
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 500, throwOnRequestTimeout: true },
  });
  const asked = client.getItem({ TableName: "t", Key: { key: { S: "k" } } }).then(
    () => "answered",
    error => error.name,
  );
  const ended = await Promise.race([asked, sleep(5_000, "still waits")]);
  server.closeAllConnections();
  server.close();
  client.destroy();
  expect(ended).toBe("TimeoutError");
}, 20_000);
