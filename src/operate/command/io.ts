import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";

/** What the command knows of the process that it runs in, so that a test may be another. */
export interface Io {
  /** Where a client of the store is looked for. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The package's version. */
  version(): string;
  /** Whether a person reads the output as it comes. */
  readonly isTerminal: boolean;
  /** Whether a person may be asked. */
  readonly canAsk: boolean;
  readonly hasColours: boolean;
  /** How many characters a line of the terminal takes. */
  readonly columns: number;
  out(text: string): Promise<void>;
  err(text: string): Promise<void>;
  ask(question: string): Promise<string>;
}

const DEFAULT_COLUMNS = 80;

/** That of this process. */
export function processIo(manifest: URL): Io {
  const { stdin, stdout, stderr, env } = process;
  const { NO_COLOR, TERM } = env;
  // Whoever reads a listing may leave in the middle of it: `list | head`.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    cwd: process.cwd(),
    env,
    version: () => JSON.parse(readFileSync(manifest, "utf8")).version,
    isTerminal: stdout.isTTY === true,
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    hasColours: stdout.isTTY === true && !NO_COLOR && TERM !== "dumb",
    columns: stdout.columns || DEFAULT_COLUMNS,
    out: text => write(stdout, text),
    err: text => write(stderr, text),
    async ask(question) {
      const reader = createInterface({ input: stdin, output: stderr });
      // The end of the input is no answer, and so no; on a terminal, by Ctrl+C or Ctrl+D, the question rejects.
      const closed = once(reader, "close").then(() => "");
      const answered = reader.question(question).catch(() => "");
      try {
        return await Promise.race([answered, closed]);
      } finally {
        reader.close();
      }
    },
  };
}

async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}
