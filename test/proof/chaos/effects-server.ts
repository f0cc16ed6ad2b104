// A process of the driver's: the world outside, in which side effects happen. Writes down each.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { EffectOrder } from "./effects-client.ts";
import { openJournal } from "./journal.ts";

const [path = "", base = ""] = process.argv.slice(2);
const journal = openJournal(path, "effects", Number(base));

const server = createServer(async (request, response) => {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { how, process, call, key, idempotencyKey } = JSON.parse(
      Buffer.concat(chunks).toString(),
    ) as EffectOrder;
    if (how === "cut before") return void request.socket.resetAndDestroy();
    if (how === "refused") return void response.writeHead(503).end();
    journal.write({ type: "effect", process, call, key, idempotencyKey } as never);
    if (how === "cut after") return void request.socket.resetAndDestroy();
    response.writeHead(204).end();
  } catch {
    // Whoever asked was killed meanwhile.
    request.socket.destroy();
  }
});
server.listen(0, "127.0.0.1", () => console.log(`ready on ${(server.address() as AddressInfo).port} `));
