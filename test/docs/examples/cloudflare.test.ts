import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it, test } from "vitest";
import { d1Schema } from "../../../src/sqlite.ts";
import { ifObtainable } from "../../support/servers/packages.ts";
import { obtainWorkerRuntime, type RunningWorker, startWorker } from "../../support/servers/workerd.ts";
import { ROOT } from "../child.ts";

const TIMEOUT_MS = 120_000;
const FOLDER = join(ROOT, "examples/cloudflare-worker");

const runtime = await ifObtainable("the example on Cloudflare", obtainWorkerRuntime());

/** An email provider: the requests that it took, by address, with their idempotency keys. */
class Provider {
  readonly taken: Record<string, string[]> = {};
  readonly #server: Server = createServer(async (request, response) => {
    const address = await text(request);
    const keys = [...(this.taken[address] ?? []), String(request.headers["idempotency-key"])];
    this.taken[address] = keys;
    if (address.startsWith("cut")) request.socket.destroy();
    else response.writeHead(address.startsWith("busy") && keys.length === 1 ? 503 : 200).end("sent");
  });

  async open(): Promise<string> {
    await new Promise<void>(done => this.#server.listen(0, "127.0.0.1", done));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe.skipIf(runtime === undefined)("the Worker with a queue", { timeout: TIMEOUT_MS }, () => {
  const provider = { now: new Provider() };
  let worker: RunningWorker | undefined;

  afterEach(async () => {
    await worker?.stop();
    provider.now.close();
  });

  it.each(["d1", "objects"])("sends one email an order, however often it is delivered: %s", async store => {
    provider.now = new Provider();
    const MAIL = { external: { address: await provider.now.open(), http: {} } };
    worker = await startWorker(runtime!, join(import.meta.dirname, "cloudflare/worker/forgetful.ts"), {
      date: "2026-07-30",
      flags: [],
      bindings: {
        bindings: { STORE: store },
        d1Databases: { DB: "shipping" },
        durableObjects: { KEYS: { className: "Keys", useSQLite: true } },
        queueProducers: { ORDERS: "orders" },
        queueConsumers: { orders: { maxBatchTimeout: 0, maxRetries: 10, retryDelay: 0 } },
        serviceBindings: { MAIL },
      },
    });
    await worker.ask("/migrate");
    const ship = (id: number, email: string) =>
      worker!.ask("/", { method: "POST", body: JSON.stringify({ id, email }) });
    await ship(1, "ann@example.com");
    // The producer's retry: another message of the same order.
    await ship(1, "ann@example.com");
    await ship(2, "busy@example.com");
    await ship(3, "cut@example.com");
    const expected = { "ann@example.com": 2, "busy@example.com": 1, "cut@example.com": 1 };
    const seen = async () => JSON.parse(await (await worker!.ask("/deliveries")).text());
    while (
      JSON.stringify(Object.entries((await seen()).done).sort()) !== JSON.stringify(Object.entries(expected))
    ) {
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const { deliveries } = await seen();
    expect(deliveries["ann@example.com"]).toBeGreaterThanOrEqual(4);
    expect(deliveries["cut@example.com"]).toBeGreaterThanOrEqual(2);
    const { taken } = provider.now;
    expect(taken["ann@example.com"]).toHaveLength(1);
    // It answered 503 the first time, and so did nothing: once more, with the same key of its own.
    expect(taken["busy@example.com"]).toHaveLength(2);
    expect(new Set(taken["busy@example.com"]).size).toBe(1);
    // It took the order and hung up: nobody knows, so nothing is sent again.
    expect(taken["cut@example.com"]).toHaveLength(1);
  });
});

test.each(["worker.ts", "keys.ts", "wrangler.jsonc", "migrations/0001_idempotency_keys.sql"])(
  "the page on Cloudflare shows %s",
  file => {
    const page = readFileSync(join(ROOT, "docs/cloudflare.md"), "utf8");
    expect(page).toContain(`\n${readFileSync(join(FOLDER, file), "utf8")}\`\`\`\n`);
  },
);

test("its migration is the schema of this version", () => {
  expect(readFileSync(join(FOLDER, "migrations/0001_idempotency_keys.sql"), "utf8")).toBe(d1Schema());
});
