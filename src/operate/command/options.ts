import { parseArgs } from "node:util";
import { expectNamespace } from "../../contract/validate.ts";
import { type Address, type AddressSettings, SETTINGS } from "../addresses/address.ts";
import { ADDRESSES } from "../addresses/addresses.ts";
import { messageOf, usage } from "./failure.ts";
import type { Io } from "./io.ts";

/** An option of the command. */
export interface Flag {
  /** What its value is called; none for a switch. */
  readonly value?: string;
  readonly summary: string;
  readonly short?: string;
  /** What its value may be. */
  readonly choices?: readonly string[];
}

const STATES = ["uncertain", "in-progress", "released", "completed"] as const;

/** Every option but those of addresses, by name. */
export const FLAGS = {
  prefix: { value: "TEXT", summary: 'the prefix of the store\'s keys in Redis (default "idempotency:")' },
  table: { value: "NAME", summary: 'the store\'s table in SQL or DynamoDB (default "idempotency_keys")' },
  endpoint: { value: "URL", summary: "the address of a DynamoDB that is not Amazon's, such as a local one" },
  "max-clock-skew": {
    value: "DURATION",
    summary:
      "the store's maxClockSkew in DynamoDB, without which a run may look as if it had ended (default 5s)",
  },
  namespace: { value: "NAME", summary: "the namespace of the key or keys" },
  state: { value: "STATE", summary: `${STATES.join(", ")} (default uncertain)`, choices: STATES },
  "older-than": {
    value: "DURATION",
    summary: "only keys uncertain for at least that long (in another state: claimed that long ago): 5m",
  },
  "store-key": { summary: "KEY is the key as it is stored, with its namespace: storeKey in a listing" },
  value: { value: "JSON", summary: "the result that calls get from now on, or undefined" },
  ttl: { value: "DURATION", summary: "how long the result is kept, 1 second to 24 hours: 24h" },
  yes: { short: "y", summary: "do not ask first" },
  json: { summary: "JSON lines, as in a pipe" },
  redact: { summary: "show fingerprints instead of keys, and no results" },
  help: { short: "h", summary: "show this help" },
  version: { summary: "show the version" },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof FLAGS;

/** What was given. */
export interface Given {
  readonly flags: Readonly<Partial<Record<string, string | boolean>>>;
  readonly operands: readonly string[];
}

/** Parses what stands behind a command's name. Throws what is a usage error. */
export function parseGiven(
  args: readonly string[],
  names: readonly FlagName[],
  takesAddress: boolean,
): Given {
  const flags = names.map(name => [name, optionOf(FLAGS[name])]);
  const addresses = takesAddress ? Object.keys(ADDRESSES).map(name => [name, { type: "string" }]) : [];
  const options = Object.fromEntries([...flags, ...addresses]);
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { flags: values as Given["flags"], operands: positionals };
  } catch (error) {
    throw usage(messageOf(error));
  }
}

const optionOf = ({ value, short }: Flag) => ({
  type: value === undefined ? "boolean" : "string",
  ...(short !== undefined && { short }),
});

export function textOf({ flags }: Given, name: FlagName): string | undefined {
  return flags[name] as string | undefined;
}

/** The namespace that was given. A shell variable that is not set gives an empty one, which is refused. */
export function givenNamespace(given: Given): string | undefined {
  const namespace = textOf(given, "namespace");
  expectNamespace("--namespace", namespace);
  return namespace;
}

export function isGiven({ flags }: Given, name: FlagName): boolean {
  return flags[name] === true;
}

/** The store that was named, and where it is. Throws what is a usage error. */
export function addressOf(given: Given, { env }: Io): { name: string; address: Address; where: string } {
  const named = Object.keys(ADDRESSES).filter(name => given.flags[name] !== undefined);
  const [name] = named;
  if (name === undefined || named.length > 1) {
    const all = Object.entries(ADDRESSES).map(([option, { value }]) => `--${option} ${value}`);
    throw usage(`expected the address of one store: ${all.join(", ")}; got ${named.length}`);
  }
  const where = fromEnvironment(given.flags[name] as string, env);
  if (where === undefined || where === "") throw usage(`--${name}: expected an address; got nothing`);
  return { name, address: ADDRESSES[name]!, where };
}

/** `env:NAME` stands for what that variable has: the arguments of a process are everybody's to see. */
export function fromEnvironment(text: string, env: Io["env"]): string | undefined {
  return text.startsWith("env:") ? env[text.slice("env:".length)] : text;
}

/** The settings that go with that store. Throws what is a usage error. */
export function settingsOf(given: Given, name: string, { takes }: Address): AddressSettings {
  for (const setting of SETTINGS) {
    if (textOf(given, setting) !== undefined && !takes.includes(setting)) {
      throw usage(`--${setting} does not go with --${name}`);
    }
  }
  return {
    prefix: textOf(given, "prefix"),
    table: textOf(given, "table"),
    endpoint: textOf(given, "endpoint"),
    "max-clock-skew": textOf(given, "max-clock-skew"),
  };
}
