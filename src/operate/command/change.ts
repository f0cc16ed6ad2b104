import { parseDuration } from "../../contract/duration.ts";
import { keyText, storeKey } from "../../contract/key.ts";
import { SETTINGS } from "../addresses/address.ts";
import { type Context, isConfirmed, type Verb } from "./context.ts";
import { EXIT, type ExitCode, messageOf, usage } from "./failure.ts";
import { isUnreadable, type Operator, operatorOf, type SeenKey } from "./operator.ts";
import { givenNamespace, isGiven, textOf } from "./options.ts";
import { jsonLine, nameOf, namespaceOf, redacted, type ShownKey } from "./shown-key.ts";
import { paints, printable } from "./terminal.ts";
import { ago, spanOf } from "./time.ts";

const OF_KEY = [...SETTINGS, "namespace", "store-key", "json", "redact"] as const;
const CHANGING = [...OF_KEY, "yes"] as const;

/** The key that was named, as the store has it. */
function storeKeyOf({ given }: Context): string {
  const [key] = given.operands as [string];
  const namespace = givenNamespace(given);
  if (!isGiven(given, "store-key")) return storeKey(namespace, keyText(key));
  if (namespace !== undefined) throw usage("--store-key has its namespace in it: leave --namespace out");
  return key;
}

const shownBy = ({ given }: Context, shown: ShownKey) => (isGiven(given, "redact") ? redacted(shown) : shown);

const nameBy = (context: Context, shown: ShownKey) => printable(nameOf(shownBy(context, shown)));

/** What to say where there is no key: it may be another one's namespace that is missing. */
async function sayMissing(context: Context): Promise<ExitCode> {
  const { io, given } = context;
  const hasNamespace = textOf(given, "namespace") !== undefined || isGiven(given, "store-key");
  const hint = hasNamespace ? "" : " A key of a namespace needs --namespace";
  await io.err(`There is no such key: it was never claimed, or has expired.${hint}\n`);
  return EXIT.not;
}

export const INSPECT: Verb = {
  summary: "show the state of a key",
  operand: "KEY",
  flags: OF_KEY,
  takesAddress: true,
  details: "Also shows the result, if the default serializer can read it.",
  example: "with-idempotency inspect order-shipped:1041 --namespace emails --postgres env:DATABASE_URL",
  async run(context) {
    const at = storeKeyOf(context);
    const operator = operatorOf(await (await context.open()).store());
    const found = await operator.read(at);
    if (found === undefined) return sayMissing(context);
    const shown = shownBy(context, found.shown);
    await context.io.out(context.asJson ? jsonLine(shown) : details(context, shown));
    return EXIT.done;
  },
};

function details({ io }: Context, shown: ShownKey): string {
  const { bold } = paints(io.hasColours);
  const { claimedAt, leaseInMs, expiresInMs, value, error } = shown;
  const lines: [string, string | undefined][] = [
    ["key", shown.key === undefined ? "(a digest)" : shown.key],
    ["namespace", shown.namespace],
    ["store key", shown.storeKey],
    ["state", shown.state],
    ["attempt", `${shown.attempt}`],
    ["claimed", `${claimedAt.toISOString()} (${ago(claimedAt)})`],
    ["lease ends in", leaseInMs > 0 ? spanOf(leaseInMs) : undefined],
    ["expires in", spanOf(expiresInMs)],
    ["idempotency key", shown.idempotencyKey],
    ["as a UUID", shown.idempotencyUuid],
    [
      "result",
      "value" in shown ? jsonLine({ value }).slice('{"value":'.length, -2) || "undefined" : undefined,
    ],
    ["error", error && `${error.name}: ${error.message}`],
  ];
  const known = lines.filter((line): line is [string, string] => line[1] !== undefined);
  return known.map(([name, text]) => `${bold(`${name}:`.padEnd(17))}${printable(text)}\n`).join("");
}

/** A verb that settles an uncertain key. */
interface Settling {
  readonly asks: (shown: ShownKey) => string;
  readonly did: (shown: ShownKey) => string;
  readonly action: string;
  act(operator: Operator, key: SeenKey): Promise<boolean>;
}

/** Looks, asks, and acts on what was seen (S11). */
async function settle(context: Context, { asks, did, action, act }: Settling): Promise<ExitCode> {
  const { io } = context;
  const at = storeKeyOf(context);
  const operator = operatorOf(await (await context.open()).store());
  const found = await operator.read(at);
  if (found === undefined) return sayMissing(context);
  const { shown } = found;
  const name = nameBy(context, shown);
  if (shown.state !== "uncertain") {
    await io.err(`${name} is not uncertain: it is ${shown.state}. Nothing was changed\n`);
    return EXIT.not;
  }
  if (
    !(await isConfirmed(
      context,
      `${name}: attempt ${shown.attempt}, claimed ${ago(shown.claimedAt)}. ${asks(shown)}`,
    ))
  )
    return sayUnchanged(context);
  if (!(await act(operator, found))) {
    await io.err(`${name} is no longer uncertain as it was: somebody else was first. Nothing was changed\n`);
    return EXIT.not;
  }
  return report(context, shown, action, did(shown));
}

async function sayUnchanged({ io }: Context): Promise<ExitCode> {
  await io.err("Nothing was changed\n");
  return EXIT.not;
}

async function report(
  context: Context,
  shown: ShownKey,
  action: string,
  sentence: string,
): Promise<ExitCode> {
  const { key, namespace, storeKey } = shownBy(context, shown);
  const line = jsonLine({ action, namespace, key, storeKey });
  await context.io.out(context.asJson ? line : `${nameBy(context, shown)}: ${sentence}\n`);
  return EXIT.done;
}

export const RESOLVE: Verb = {
  summary: "record that it happened: calls with the key get the result",
  operand: "KEY",
  flags: [...CHANGING, "value", "ttl"],
  takesAddress: true,
  details: "Only a key whose outcome is unknown can be resolved. --value and --ttl are required.",
  example: `with-idempotency resolve order-shipped:1041 --value '{"id":"msg_1"}' --ttl 24h --redis env:REDIS_URL`,
  async run(context) {
    const ttl = textOf(context.given, "ttl");
    if (ttl === undefined) throw usage("expected --ttl DURATION, such as --ttl 24h");
    parseDuration(ttl as never);
    const value = resultOf(textOf(context.given, "value"));
    return settle(context, {
      asks: () => `Resolve it, so that calls get that result for ${ttl}?`,
      did: () => `resolved. Calls get that result for ${ttl}`,
      action: "resolved",
      act: (operator, key) => operator.resolve(key, ttl, value),
    });
  },
};

function resultOf(text: string | undefined): unknown {
  if (text === undefined) throw usage("expected --value JSON, or --value undefined if fn returns nothing");
  if (text === "undefined") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usage(
      `--value: expected JSON, such as '{"id":"msg_1"}' or '"sent"'; got ${text}: ${messageOf(error)}`,
    );
  }
}

export const REOPEN: Verb = {
  summary: "record that it did not happen: the next call with the key runs",
  operand: "KEY",
  flags: CHANGING,
  takesAddress: true,
  details:
    "Only a key whose outcome is unknown can be reopened. It keeps its attempts and its idempotency key.",
  example: "with-idempotency reopen order-shipped:1041 --namespace emails --redis env:REDIS_URL",
  run: context =>
    settle(context, {
      asks: () => "Reopen it, so that the next call runs?",
      did: ({ attempt }) => `reopened. The next call runs, as attempt ${attempt + 1}`,
      action: "reopened",
      act: (operator, key) => operator.reopen(key),
    }),
};

export const FORGET: Verb = {
  summary: "remove a key in any state: the next call starts from scratch",
  operand: "KEY",
  flags: CHANGING,
  takesAddress: true,
  details:
    "A running call is not stopped, but its result is not stored. If it certainly did not happen, use reopen,\nwhich keeps the idempotency key that the provider knows.",
  example: "with-idempotency forget order-shipped:1041 --sqlite idempotency.db",
  async run(context) {
    const at = storeKeyOf(context);
    const operator = operatorOf(await (await context.open()).store());
    const found = await readOrUnreadable(operator, at);
    if (found === undefined) return sayMissing(context);
    const seen = found === "unreadable" ? undefined : found;
    const name =
      seen === undefined
        ? "A record that cannot be read"
        : `${nameBy(context, seen.shown)}: ${seen.shown.state}`;
    if (!(await isConfirmed(context, `${name}. Forget it, so that the next call starts from scratch?`)))
      return sayUnchanged(context);
    // Of what nobody can read, no claim was seen: what stands there now may be a later run's.
    const isThere = seen !== undefined || (await readOrUnreadable(operator, at)) === "unreadable";
    if (!isThere || !(await operator.forget(at, seen))) {
      await context.io.err(`${name}: a later run has replaced it. Nothing was changed\n`);
      return EXIT.not;
    }
    const gone = { key: undefined, storeKey: at, namespace: namespaceOf(at) } as ShownKey;
    return report(context, seen?.shown ?? gone, "forgotten", "forgotten. The next call starts from scratch");
  },
};

async function readOrUnreadable(operator: Operator, at: string): Promise<SeenKey | "unreadable" | undefined> {
  try {
    return await operator.read(at);
  } catch (error) {
    if (isUnreadable(error)) return "unreadable";
    throw error;
  }
}
