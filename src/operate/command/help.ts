import { ADDRESSES } from "../addresses/addresses.ts";
import type { Verb } from "./context.ts";
import { FLAGS, type Flag, type FlagName } from "./options.ts";
import { widthOf } from "./terminal.ts";

export const NAME = "with-idempotency";

const EXITS = `Ends with:
  0  done; also for an empty list
  1  not done: there is no such key, it is not uncertain, you answered no, or doctor found a problem
  2  wrong usage, or --yes is missing and there is no terminal to ask on
  3  the store failed or is unreachable, or its client is not installed`;

/** Two columns, of which the first is as wide as it has to be. */
function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => widthOf(left)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function flagRow(name: FlagName): [string, string] {
  const { value, short, summary }: Flag = FLAGS[name];
  const long = `--${name}${value === undefined ? "" : ` ${value}`}`;
  return [short === undefined ? long : `-${short}, ${long}`, summary];
}

const addressRows = () =>
  Object.entries(ADDRESSES).map(([name, { value, summary }]) => [`--${name} ${value}`, summary] as const);

/** What `with-idempotency --help` says. */
export function generalHelp(verbs: Readonly<Record<string, Verb>>): string {
  const rows = Object.entries(verbs).map(([name, { operand, summary }]) => {
    return [operand === undefined ? name : `${name} ${operand}`, summary] as const;
  });
  return `Usage: ${NAME} COMMAND [OPTIONS]

Shows and settles the keys of a store.

Commands:
${table(rows)}
The store, by the client that the project in this folder has:
${table(addressRows())}  env:NAME in place of an address takes it from that variable.

${EXITS}

${NAME} COMMAND --help says more.
`;
}

/** What `with-idempotency COMMAND --help` says. */
export function helpOf(name: string, verb: Verb): string {
  const { operand, summary, details, example, flags, takesAddress } = verb;
  const begun = [NAME, name, operand, takesAddress ? "--STORE ADDRESS" : undefined, "[OPTIONS]"];
  const store = takesAddress ? `The store, one of:\n${table(addressRows())}\n` : "";
  return `Usage: ${begun.filter(part => part !== undefined).join(" ")}

${summary[0]!.toUpperCase()}${summary.slice(1)}.
${details}

${store}Options:
${table([...flags, "help" as const].map(flagRow))}
Example:
  ${example}

${EXITS}
`;
}
