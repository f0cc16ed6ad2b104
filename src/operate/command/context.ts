import type { OpenedStore } from "../addresses/address.ts";
import { type ExitCode, usage } from "./failure.ts";
import type { Io } from "./io.ts";
import { type FlagName, type Given, isGiven } from "./options.ts";

/** What a verb works with. */
export interface Context {
  readonly io: Io;
  readonly given: Given;
  /** Whether what it says is for a program. */
  readonly asJson: boolean;
  /** A text without the passwords that were given. */
  masked(text: string): string;
  /** Opens the store that was named, once; it is closed when the verb has ended. */
  open(): Promise<OpenedStore>;
}

/** One of the command's verbs. */
export interface Verb {
  readonly summary: string;
  /** What stands behind its name, such as `KEY`; none. */
  readonly operand?: string;
  /** What the operand may be. */
  readonly choices?: readonly string[];
  readonly flags: readonly FlagName[];
  readonly takesAddress: boolean;
  /** What the help says beyond its options. */
  readonly details: string;
  readonly example: string;
  run(context: Context): Promise<ExitCode>;
}

/** Throws a usage error where a verb that changes something may not, and nobody can be asked. */
export function expectConsent({ flags }: Verb, { io, given }: Context): void {
  if (!flags.includes("yes") || isGiven(given, "yes") || io.canAsk) return;
  throw usage("this changes something, and there is no terminal to ask on: pass --yes");
}

/** Whether to go on with what changes something. */
export async function isConfirmed({ io, given }: Context, question: string): Promise<boolean> {
  return isGiven(given, "yes") || /^y(es)?$/i.test((await io.ask(`${question} [y/N] `)).trim());
}
