import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Where a proxy leads. */
export interface Target {
  host: string;
  port: number;
}

/** A TCP proxy that does what networks do at their worst. */
export interface Proxy {
  port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** Holds each request back for so long. */
  delay(ms: number): void;
  /** Lets everything vanish in both directions. What lost something meanwhile is reset when it is over. */
  blackHole(on: boolean): void;
  /** Lets requests through and replies vanish. What lost something meanwhile is reset when it is over. */
  dropReplies(on: boolean): void;
  /** Resets all open connections. */
  cut(): void;
  /** Lets nobody connect any more. */
  refuse(on: boolean): void;
  /**
   * Lets the next matching request through, and resets its connection in place of the reply. Resolves when that has
   * happened.
   */
  cutBeforeReply(match: (request: Buffer) => boolean): Promise<void>;
  /** Closes everything. */
  stop(): Promise<void>;
}

/** What happens on the way, on all connections. */
interface Weather {
  delayMs: number;
  blackHole: boolean;
  dropReplies: boolean;
  traps: Trap[];
}

interface Trap {
  match(request: Buffer): boolean;
  sprung(): void;
}

interface Connection {
  lossy: boolean;
  reset(): void;
}

/** Starts a proxy on a free port of this machine. */
export async function startProxy(target: Target): Promise<Proxy> {
  const weather: Weather = { delayMs: 0, blackHole: false, dropReplies: false, traps: [] };
  const open = new Set<Connection>();
  const server = createServer(client => {
    const connection = join(client, connect({ ...target, noDelay: true }), weather);
    open.add(connection);
    client.on("close", () => open.delete(connection));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  const cut = (which = (_: Connection) => true) => {
    for (const connection of [...open].filter(which)) connection.reset();
  };
  const lose = (how: "blackHole" | "dropReplies", on: boolean) => {
    weather[how] = on;
    // Their streams have holes, which no client nor server could make sense of.
    if (!on) cut(({ lossy }) => lossy);
  };
  return {
    port,
    get connections() {
      return open.size;
    },
    delay(ms) {
      weather.delayMs = ms;
    },
    blackHole: on => lose("blackHole", on),
    dropReplies: on => lose("dropReplies", on),
    cut: () => cut(),
    refuse(on) {
      if (on) server.close();
      else if (!server.listening) server.listen(port, "127.0.0.1");
    },
    cutBeforeReply: match =>
      new Promise(resolve => {
        weather.traps.push({ match, sprung: resolve });
      }),
    async stop() {
      cut();
      if (server.listening) server.close();
    },
  };
}

function join(client: Socket, upstream: Socket, weather: Weather): Connection {
  let trap: Trap | undefined;
  let sent = Promise.resolve();
  const connection: Connection = {
    lossy: false,
    reset() {
      client.resetAndDestroy();
      upstream.destroy();
    },
  };
  const lose = () => {
    connection.lossy = true;
  };

  client.setNoDelay(true);
  client.on("data", async request => {
    if (weather.blackHole) return lose();
    const delay = weather.delayMs;
    const before = sent;
    // Requests keep their order, whatever became of the delay meanwhile.
    sent = Promise.all([before, delay > 0 && new Promise(resolve => setTimeout(resolve, delay))]).then(() => {
      trap ??= takeTrap(weather, request);
      if (!upstream.destroyed) upstream.write(request);
    });
  });
  upstream.on("data", reply => {
    if (trap !== undefined) {
      connection.reset();
      trap.sprung();
    } else if (weather.blackHole || weather.dropReplies) lose();
    else if (!client.destroyed) client.write(reply);
  });
  client.on("error", () => upstream.destroy());
  client.on("close", () => upstream.destroy());
  upstream.on("error", () => client.resetAndDestroy());
  upstream.on("close", () => client.destroy());
  return connection;
}

function takeTrap({ traps }: Weather, request: Buffer): Trap | undefined {
  const index = traps.findIndex(({ match }) => match(request));
  return index < 0 ? undefined : traps.splice(index, 1)[0];
}
