import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";

/** A running SMTP server. */
export interface SmtpServer {
  port: number;
  close(): Promise<void>;
}

/** How a handler says that it is done, or what it refuses. */
export type Callback = (error?: Error | null) => void;

/** Starts an SMTP server on a free port of 127.0.0.1, whose handlers may cut a connection instead of answering. */
export async function startSmtp(
  handlers: (cut: (session: SMTPServerSession) => void) => SMTPServerOptions,
): Promise<SmtpServer> {
  const sockets = new Map<number, Socket>();
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    ...handlers(session => sockets.get(session.remotePort)?.destroy()),
  });
  smtp.server.on("connection", socket => {
    const { remotePort = 0 } = socket;
    sockets.set(remotePort, socket);
    socket.once("close", () => sockets.delete(remotePort));
  });
  smtp.listen(0, "127.0.0.1");
  await once(smtp.server, "listening");
  smtp.on("error", () => {}); // A client that vanishes is no reason to stop.
  const { port } = smtp.server.address() as AddressInfo;
  return { port, close: () => new Promise(resolve => smtp.close(resolve)) };
}
