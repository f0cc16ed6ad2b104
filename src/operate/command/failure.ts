import { isIdempotencyError } from "../../contract/errors.ts";

/** What the command ends with. */
export const EXIT = { done: 0, not: 1, usage: 2, store: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with that code and message. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** The command was called in a wrong way. */
export const usage = (message: string): CommandError => new CommandError(EXIT.usage, message);

/** What an error ends the command with. Of ours, all but those of the store are about what was given. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  const isOfStore =
    isIdempotencyError(error, "STORE_ERROR") || isIdempotencyError(error, "RESULT_UNAVAILABLE");
  return isIdempotencyError(error) && !isOfStore ? EXIT.usage : EXIT.store;
}

/** An error in a line. Several that stand for one, as for each address of a host, are named one by one. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
