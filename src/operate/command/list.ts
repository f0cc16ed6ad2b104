import { readDuration } from "../../contract/duration.ts";
import { namespacePrefix } from "../../contract/key.ts";
import type { StoreRecord } from "../../contract/store.ts";
import { expectOneOf } from "../../contract/validate.ts";
import { SETTINGS } from "../addresses/address.ts";
import type { Context, Verb } from "./context.ts";
import { EXIT } from "./failure.ts";
import { operatorOf } from "./operator.ts";
import { FLAGS, givenNamespace, isGiven, textOf } from "./options.ts";
import { jsonLine, redacted, type ShownKey } from "./shown-key.ts";
import { type Column, layout } from "./table.ts";
import { paints, printable } from "./terminal.ts";
import { ago, spanOf } from "./time.ts";

const PAGE = 200;

export const LIST: Verb = {
  summary: "list keys: the uncertain ones, unless --state says otherwise",
  flags: [...SETTINGS, "namespace", "state", "older-than", "json", "redact"],
  takesAddress: true,
  details:
    "Without --namespace the keys of all namespaces are listed. A listing is not a snapshot, and blocks nobody.",
  example: "with-idempotency list --redis redis://localhost:6379 --older-than 5m",
  async run(context) {
    const { given, asJson } = context;
    const state = textOf(given, "state") ?? "uncertain";
    expectOneOf("--state", FLAGS.state.choices, state);
    const olderThan = textOf(given, "older-than");
    const bounds = { name: "--older-than", minMs: 0 };
    const namespace = givenNamespace(given);
    const query = {
      prefix: namespacePrefix(namespace),
      status: state as StoreRecord["status"],
      olderThanMs: olderThan === undefined ? undefined : readDuration(olderThan, bounds),
    };
    const { list } = operatorOf(await (await context.open()).store());
    const keys = isGiven(given, "redact") ? mapped(list(query), redacted) : list(query);
    await (asJson ? printLines(context, keys) : printTable(context, keys, state, namespace === undefined));
    return EXIT.done;
  },
};

async function* mapped<T, U>(each: AsyncIterable<T>, by: (value: T) => U): AsyncGenerator<U> {
  for await (const value of each) yield by(value);
}

async function printLines({ io }: Context, keys: AsyncIterable<ShownKey>): Promise<void> {
  for await (const key of keys) await io.out(jsonLine(key));
}

const COLUMNS: readonly Column<ShownKey>[] = [
  { title: "KEY", of: ({ key, storeKey }) => printable(key ?? storeKey), least: 16 },
  { title: "NAMESPACE", of: ({ namespace }) => printable(namespace ?? "–"), least: 9 },
  { title: "ATTEMPT", of: ({ attempt }) => `${attempt}`, drop: 2 },
  { title: "CLAIMED", of: ({ claimedAt }) => ago(claimedAt), drop: 4 },
  { title: "EXPIRES IN", of: ({ expiresInMs }) => spanOf(expiresInMs), drop: 3 },
  { title: "IDEMPOTENCY KEY", of: ({ idempotencyKey }) => idempotencyKey, drop: 1 },
];

async function printTable(
  { io }: Context,
  keys: AsyncIterable<ShownKey>,
  state: string,
  isOfAll: boolean,
): Promise<void> {
  const columns = COLUMNS.filter(({ title }) => isOfAll || title !== "NAMESPACE");
  const { bold, dim } = paints(io.hasColours);
  let table: ReturnType<typeof layout<ShownKey>> | undefined;
  let rows: ShownKey[] = [];
  let count = 0;
  const flush = async () => {
    const isFirst = table === undefined;
    table ??= layout(columns, rows, io.columns);
    if (isFirst) await io.out(`${bold(table.header)}\n`);
    await io.out(rows.map(row => `${table!.row(row)}\n`).join(""));
    count += rows.length;
    rows = [];
  };
  for await (const key of keys) {
    rows.push(key);
    if (rows.length === PAGE) await flush();
  }
  if (rows.length > 0) await flush();
  await io.out(
    dim(`${count === 0 ? "No key" : count === 1 ? "1 key" : `${count} keys`} ${stateWords(state)}\n`),
  );
}

const stateWords = (state: string) => (state === "uncertain" ? "whose outcome is unknown" : `${state}`);
