import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Whom a campaign is for: one line of its file. */
export interface User {
  id: string;
  email: string;
}

export const emailOf = (n: number): string => `user-${n}@example.com`;

function* lines(count: number): Generator<string> {
  for (let n = 1; n <= count; n += 1) {
    const user: User = { id: `u${n}`, email: emailOf(n) };
    yield `${JSON.stringify(user)}\n`;
  }
}

/** Writes a file of so many users. */
export async function writeUsers(file: string, count: number): Promise<void> {
  await pipeline(Readable.from(lines(count)), createWriteStream(file));
}

/** Reads them one by one: never are all of them in memory. */
export async function* readUsers(file: string): AsyncGenerator<User, void, undefined> {
  for await (const line of createInterface({ input: createReadStream(file) })) yield JSON.parse(line);
}
