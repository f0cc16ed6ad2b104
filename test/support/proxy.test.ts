import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProxy } from "./proxy.ts";

let server: Server;
let received: string[];
let proxy: Awaited<ReturnType<typeof startProxy>>;
const clients: Socket[] = [];

beforeEach(async () => {
  received = [];
  // Answers each request with the same in capitals.
  server = createServer(socket => {
    socket.on("error", () => {});
    socket.on("data", data => {
      received.push(`${data}`);
      socket.write(`${data}`.toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startProxy({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  await proxy.stop();
  for (const client of clients.splice(0)) client.destroy();
  server.close();
});

async function open(): Promise<Socket> {
  const client = connect({ port: proxy.port, host: "127.0.0.1", noDelay: true });
  clients.push(client);
  await once(client, "connect");
  return client;
}

/** What comes next: a reply, or the code of the error that ends the connection. */
function next(client: Socket): Promise<string> {
  return new Promise(resolve => {
    client.once("data", data => resolve(`${data}`));
    client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
}

async function say(client: Socket, text: string): Promise<string> {
  const answer = next(client);
  client.write(text);
  return answer;
}

const silence = (ms: number) => new Promise(resolve => setTimeout(resolve, ms, "silence"));

async function serverGot(count: number): Promise<void> {
  while (received.length < count) await silence(5);
}

describe("a proxy", () => {
  it("lets requests and replies through", async () => {
    const client = await open();
    expect(await say(client, "one")).toBe("ONE");
    expect(await say(client, "two")).toBe("TWO");
    expect(proxy.connections).toBe(1);
  });

  it("holds requests back, and keeps their order", async () => {
    const client = await open();
    proxy.delay(150);
    const start = performance.now();
    client.write("slow ");
    await silence(20);
    proxy.delay(0);
    client.write("fast ");
    await serverGot(1);
    expect(performance.now() - start).toBeGreaterThan(140);
    expect(await next(client)).toMatch(/^SLOW/);
  });

  it("swallows everything in a black hole, and resets what lost something when it is over", async () => {
    const [client, idle] = [await open(), await open()];
    proxy.blackHole(true);
    expect(await Promise.race([say(client, "lost"), silence(100)])).toBe("silence");
    expect(received).toEqual([]);
    const fate = next(client);
    proxy.blackHole(false);
    expect(await fate).toBe("ECONNRESET");
    expect(await say(idle, "again")).toBe("AGAIN");
  });

  it("drops replies, and resets what lost one when it is over", async () => {
    const client = await open();
    proxy.dropReplies(true);
    const fate = say(client, "heard");
    expect(await Promise.race([fate, silence(100)])).toBe("silence");
    expect(received).toEqual(["heard"]);
    proxy.dropReplies(false);
    expect(await fate).toBe("ECONNRESET");
  });

  it("resets the connection in place of the reply to the next matching request", async () => {
    const client = await open();
    const cut = proxy.cutBeforeReply(request => request.includes("claim"));
    expect(await say(client, "other")).toBe("OTHER");
    expect(await say(client, "claim")).toBe("ECONNRESET");
    await cut;
    expect(received).toEqual(["other", "claim"]);
    expect(await say(await open(), "claim")).toBe("CLAIM");
  });

  it("cuts all open connections", async () => {
    const both = [await open(), await open()];
    const fates = Promise.all(both.map(next));
    proxy.cut();
    expect(await fates).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(await say(await open(), "new")).toBe("NEW");
    expect(proxy.connections).toBe(1);
  });

  it("refuses connections, and lets the open ones be", async () => {
    const client = await open();
    proxy.refuse(true);
    await expect(open()).rejects.toThrow("ECONNREFUSED");
    expect(await say(client, "still")).toBe("STILL");
    proxy.refuse(false);
    expect(await say(await open(), "back")).toBe("BACK");
  });

  it("resets clients when its target is away", async () => {
    server.close();
    expect(await next(await open())).toBe("ECONNRESET");
  });
});
