import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { simpleParser } from "mailparser";
import type { SMTPServerDataStream, SMTPServerSession } from "smtp-server";
import { type Callback, startSmtp } from "../../common/smtp.ts";
import { type Email, fateOf, identityOf } from "./orders.ts";

/** An email as it lies in the mailbox. */
interface ReceivedEmail extends Email {
  messageId: string;
}

/** All that an SMTP server has seen. */
export interface Ledger {
  /** Every email that was accepted, whether or not its sender got the answer. */
  mailbox: ReceivedEmail[];
  /** The Message-IDs that were looked for, and whether they were there. */
  lookups: Map<string, boolean>;
}

/** A running SMTP server. */
export interface MailServer {
  /** What a worker gets to know of it. */
  env: { SMTP_PORT: string; MAILBOX_URL: string };
  ledger: Readonly<Ledger>;
  close(): Promise<void>;
}

const BUSY = Object.assign(new Error("Too busy, try again later"), { responseCode: 451 });

async function parse(stream: SMTPServerDataStream): Promise<ReceivedEmail> {
  const { subject = "", to, messageId = "" } = await simpleParser(stream);
  const [address = ""] = [to ?? []].flat().map(({ text }) => text);
  return { to: address.startsWith("customer") ? "customer" : "warehouse", subject, messageId };
}

/** The worker that is at the other end: its name stands in its greeting. */
function pidOf({ hostNameAppearsAs }: SMTPServerSession): number {
  return Number(/worker-(\d+)/.exec(String(hostNameAppearsAs))?.[1]);
}

function createHandlers(
  { mailbox }: Ledger,
  kill: (pid: number) => void,
  cut: (session: SMTPServerSession) => void,
) {
  const met = new Set<string>();

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession, callback: Callback) {
    const email = await parse(stream);
    const fate = met.has(identityOf(email)) ? undefined : fateOf(email);
    met.add(identityOf(email));
    if (fate === "busy") return callback(BUSY);
    if (fate !== "dropped" && fate !== "killed-early") mailbox.push(email);
    if (fate === undefined) return callback();
    if (fate.startsWith("killed")) kill(pidOf(session));
    cut(session);
  }

  return {
    onData(stream: SMTPServerDataStream, session: SMTPServerSession, callback: Callback): void {
      receive(stream, session, callback).catch(callback);
    },
  };
}

async function startMailbox({ mailbox, lookups }: Ledger) {
  const server = createServer(({ url = "" }, response) => {
    const sought = decodeURIComponent(url.slice(1));
    const found = mailbox.some(({ messageId }) => messageId === sought);
    lookups.set(sought, found);
    response.writeHead(found ? 200 : 404, { connection: "close" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  };
  return { port, close };
}

/** Starts an SMTP server that cuts some connections and kills some senders, and a mailbox to look into. */
export async function startMailServer(kill: (pid: number) => void): Promise<MailServer> {
  const ledger: Ledger = { mailbox: [], lookups: new Map() };
  const [smtp, mailbox] = await Promise.all([
    startSmtp(cut => createHandlers(ledger, kill, cut)),
    startMailbox(ledger),
  ]);
  return {
    env: { SMTP_PORT: `${smtp.port}`, MAILBOX_URL: `http://127.0.0.1:${mailbox.port}/` },
    ledger,
    close: async () => void (await Promise.all([smtp.close(), mailbox.close()])),
  };
}
