import net, { type Socket } from "node:net";
import { close, type Fates, HTML, keepSilent, listen, NEVER_SENT, type OnSocket, reset } from "./fates.ts";

// There is no MongoDB to put a proxy before, so this speaks as much of its protocol as a client needs to connect.
const OP_MSG = 2013;
const HEADER_BYTES = 16;

/** What a server says of itself, to be written to. */
const HELLO: Readonly<Record<string, number | boolean>> = {
  ok: 1,
  isWritablePrimary: true,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  minWireVersion: 0,
  maxWireVersion: 25,
};

/** A document of whole numbers and booleans as BSON. */
function bson(document: Readonly<Record<string, number | boolean>>): Buffer {
  const fields = Object.entries(document).flatMap(([name, value]) => {
    const isNumber = typeof value === "number";
    const bytes = Buffer.alloc(isNumber ? 4 : 1);
    if (isNumber) bytes.writeInt32LE(value);
    else bytes.writeUInt8(Number(value));
    return [Buffer.from([isNumber ? 0x10 : 0x08]), Buffer.from(`${name}\0`), bytes];
  });
  const body = Buffer.concat([...fields, Buffer.alloc(1)]);
  const size = Buffer.alloc(4);
  size.writeInt32LE(body.length + size.length);
  return Buffer.concat([size, body]);
}

function reply(responseTo: number): Buffer {
  // No flags, and one section of the first kind: a document.
  const body = Buffer.concat([Buffer.alloc(5), bson(HELLO)]);
  const header = Buffer.alloc(HEADER_BYTES);
  for (const [index, value] of [HEADER_BYTES + body.length, 1, responseTo, OP_MSG].entries())
    header.writeInt32LE(value, index * 4);
  return Buffer.concat([header, body]);
}

/** Answers every message but the marked one. */
function speak(socket: Socket, mark: string, act: () => void): void {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES && pending.length >= pending.readInt32LE()) {
      const message = pending.subarray(0, pending.readInt32LE());
      pending = pending.subarray(message.length);
      if (message.includes(mark)) act();
      else if (socket.writable) socket.write(reply(message.readInt32LE(4)));
    }
  });
}

/** What happens to a client of MongoDB once it has sent the marked document. */
export function mongoFates(mark: string): Fates {
  const server = (fate: OnSocket) => () => {
    let received = 0;
    const hostile = net.createServer(socket =>
      speak(socket, mark, () => {
        received += 1;
        fate(socket);
      }),
    );
    return listen(hostile, () => received);
  };
  return [
    ["reset", [server(reset)]],
    ["closed", [server(close)]],
    ["silent", [server(keepSilent)]],
    ["nonsense", [server(socket => socket.writable && socket.write(HTML))]],
    ...NEVER_SENT,
  ];
}
