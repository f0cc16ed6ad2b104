import { within } from "../../util/within.ts";
import type { OpenedStore } from "../addresses/address.ts";
import { completionOf } from "./completion.ts";
import { type Context, expectConsent, type Verb } from "./context.ts";
import { CommandError, EXIT, type ExitCode, exitCodeOf, messageOf, usage } from "./failure.ts";
import { generalHelp, helpOf, NAME } from "./help.ts";
import type { Io } from "./io.ts";
import { addressOf, fromEnvironment, type Given, isGiven, parseGiven, settingsOf } from "./options.ts";
import { masked, secretsOf } from "./secrets.ts";
import { printable } from "./terminal.ts";
import { VERBS } from "./verbs.ts";

const ALL: Readonly<Record<string, Verb>> = { ...VERBS, completion: completionOf(() => ALL) };

/** What the command does with those arguments, and what it ends with. Never rejects. */
export async function main(args: readonly string[], io: Io): Promise<ExitCode> {
  const secrets = secretsOf(
    args.flatMap(arg => [arg, fromEnvironment(arg.replace(/^--\w+=/, ""), io.env) ?? ""]),
  );
  const [name = ""] = args;
  try {
    if (Object.hasOwn(ALL, name)) return await perform(name, ALL[name]!, args.slice(1), io, secrets);
    return await withoutVerb(args, io);
  } catch (error) {
    const code = exitCodeOf(error);
    const verb = Object.hasOwn(ALL, name) ? `${name} ` : "";
    const see = code === EXIT.usage ? `\nSee: ${NAME} ${verb}--help` : "";
    await io.err(`${NAME}: ${printable(masked(messageOf(error), secrets))}${see}\n`);
    return code;
  }
}

async function withoutVerb(args: readonly string[], io: Io): Promise<ExitCode> {
  const [name] = args;
  if (name !== undefined && !name.startsWith("-")) {
    throw usage(`expected a command: ${Object.keys(ALL).join(", ")}; got ${name}`);
  }
  const given = parseGiven(args, ["help", "version"], false);
  if (isGiven(given, "version")) {
    await io.out(`${io.version()}\n`);
    return EXIT.done;
  }
  if (!isGiven(given, "help")) throw usage("expected a command");
  await io.out(generalHelp(ALL));
  return EXIT.done;
}

async function perform(
  name: string,
  verb: Verb,
  args: readonly string[],
  io: Io,
  secrets: readonly string[],
): Promise<ExitCode> {
  const given = parseGiven(args, [...verb.flags, "help"], verb.takesAddress);
  if (isGiven(given, "help")) {
    await io.out(helpOf(name, verb));
    return EXIT.done;
  }
  expectOperand(verb, given);
  const { open, close } = opener(verb, given, io);
  const asJson = !io.isTerminal || isGiven(given, "json");
  const context: Context = { io, given, asJson, masked: text => masked(text, secrets), open };
  try {
    expectConsent(verb, context);
    return await verb.run(context);
  } finally {
    await close();
  }
}

function expectOperand({ operand, choices }: Verb, { operands }: Given): void {
  const count = operand === undefined ? 0 : 1;
  if (operands.length !== count) {
    throw usage(
      `expected ${operand === undefined ? "nothing" : `one ${operand}`} beside the options; got ${operands.length}`,
    );
  }
  if (choices !== undefined && !choices.includes(operands[0]!)) {
    throw usage(`${operand}: expected ${choices.join(" or ")}; got ${operands[0]}`);
  }
}

// A client's own limits are shorter, but few of them count what comes after a connection stands.
const OPEN_MS = 15_000;
const CLOSE_MS = 2_000;

const silent = (name: string) =>
  new CommandError(EXIT.store, `--${name}: the server gave no answer within ${OPEN_MS / 1_000} s`);

/** Opens the store once, and closes it if it was opened. What was given is checked before. */
function opener(verb: Verb, given: Given, io: Io) {
  const named = verb.takesAddress ? addressOf(given, io) : undefined;
  const settings = named && settingsOf(given, named.name, named.address);
  let opened: Promise<OpenedStore> | undefined;
  return {
    open(): Promise<OpenedStore> {
      opened ??= within(named!.address.open(named!.where, settings!, io), OPEN_MS, () => silent(named!.name));
      return opened;
    },
    async close() {
      try {
        // A client waits for what is under way, which may be without end.
        await within(
          (await opened)?.close() ?? Promise.resolve(),
          CLOSE_MS,
          () => new Error("does not close"),
        );
      } catch {
        // Closing does not change what the verb did. Why a store did not open is for the verb to say.
      }
    },
  };
}
