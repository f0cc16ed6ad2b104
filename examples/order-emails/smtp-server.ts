import { simpleParser } from "mailparser";
import type { SMTPServerDataStream, SMTPServerSession } from "smtp-server";
import { type Callback, type SmtpServer, startSmtp } from "../common/smtp.ts";
import { type Email, identityOf } from "./email.ts";
import { addressFault, emailFault, refusesConnection } from "./faults.ts";

/** An email as it lies in the mailbox. */
export interface ReceivedEmail extends Email {
  messageId: string;
}

/** All that an SMTP server has seen. */
export interface Ledger {
  /** Every email that was accepted, whether or not its sender got the answer. */
  mailbox: ReceivedEmail[];
  /** The addresses, in lower case, that were refused for good. */
  unknownAddresses: Set<string>;
  connections: number;
  /** How often a sender got the answer that its email is accepted, or that there is no such address. */
  answers: number;
}

/** A running SMTP server. */
interface MailServer extends SmtpServer {
  ledger: Readonly<Ledger>;
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

async function parse(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<ReceivedEmail> {
  const { subject = "", text = "", messageId = "" } = await simpleParser(stream);
  const to = session.envelope.rcptTo.map(recipient => recipient.address).join(", ");
  return { to, subject, text, messageId };
}

/** What the server does at each step of a delivery. */
function createHandlers(ledger: Ledger, cut: (session: SMTPServerSession) => void) {
  const met = new Set<string>();

  function isFirst(what: string): boolean {
    const { size } = met;
    return met.add(what).size > size;
  }

  function refusalOf(address: string): Error | undefined {
    const fault = addressFault(address);
    if (fault === "greylisted" && isFirst(address)) return refusal(450, "Greylisted, try again later");
    if (fault !== "unknown") return undefined;
    ledger.unknownAddresses.add(address.toLowerCase());
    ledger.answers += 1;
    return refusal(550, "No such mailbox");
  }

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession, callback: Callback) {
    const email = await parse(stream, session);
    const identity = identityOf(email);
    const fault = isFirst(identity) ? emailFault(identity) : undefined;
    if (fault !== "dropped") ledger.mailbox.push(email);
    if (fault !== undefined) return cut(session);
    ledger.answers += 1;
    callback();
  }

  return {
    onConnect(_session: SMTPServerSession, callback: Callback): void {
      ledger.connections += 1;
      callback(refusesConnection(ledger.connections) ? refusal(421, "Too busy, try again later") : null);
    },
    onRcptTo({ address }: { address: string }, _session: SMTPServerSession, callback: Callback): void {
      callback(refusalOf(address));
    },
    onData(stream: SMTPServerDataStream, session: SMTPServerSession, callback: Callback): void {
      receive(stream, session, callback).catch(callback);
    },
  };
}

/** Starts an SMTP server on a free port of 127.0.0.1 that fails as real servers do, the same way in each run. */
export async function startMailServer(): Promise<MailServer> {
  const ledger: Ledger = { mailbox: [], unknownAddresses: new Set(), connections: 0, answers: 0 };
  const smtp = await startSmtp(cut => createHandlers(ledger, cut));
  return { ...smtp, ledger };
}
