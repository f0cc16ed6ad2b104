import { readDuration } from "../contract/duration.ts";
import { InvalidOptionError } from "../contract/errors.ts";
import type { KeyEntry, ListFilter } from "../contract/idempotency.ts";
import { callerKey, namespacePrefix } from "../contract/key.ts";
import type { ListedRecord, ListQuery } from "../contract/store.ts";
import { expectOneOf, readByRules } from "../contract/validate.ts";
import { nonsense, storeError } from "../engine/store-call.ts";
import { type Binding, boundScope } from "./binding.ts";
import { keyState } from "./key-operations.ts";

type Read = Partial<Pick<ListQuery, "status" | "olderThanMs">>;

const RULES = {
  state(value: unknown): Read {
    expectOneOf("state", ["uncertain", "in-progress", "released", "completed"], value);
    return { status: value as ListQuery["status"] };
  },
  olderThan: (value: unknown): Read => ({
    olderThanMs: readDuration(value, { name: "olderThan", minMs: 0 }),
  }),
};

/** The namespace's keys. Checks at once, and asks the store as the listing is read. */
export function list(binding: Binding, filter: ListFilter = {}): AsyncIterable<KeyEntry> {
  const { status = "uncertain", olderThanMs } = readByRules<Read>("list", filter, RULES);
  const { store } = boundScope(binding);
  if (typeof store.list !== "function") {
    throw new InvalidOptionError(
      "store: expected one that can list its keys; got one without `list`. Inspect a key by itself, or give the store a `list`",
    );
  }
  const prefix = namespacePrefix(binding.namespace);
  const timeoutMs = binding.defaults.storeTimeoutMs;
  return entries(binding, () => store.list!({ prefix, status, olderThanMs, timeoutMs }));
}

async function* entries(
  binding: Binding,
  ask: () => AsyncIterable<ListedRecord>,
): AsyncGenerator<KeyEntry, void, undefined> {
  try {
    for await (const record of ask()) {
      if (typeof record?.key !== "string" || typeof record.runId !== "string")
        throw nonsense("list", "ListedRecords", record);
      const { key: storeKey, runId } = record;
      const known = callerKey(binding.namespace, storeKey);
      // Without a namespace the prefix is that of all.
      if (known === undefined) continue;
      const key = known.text;
      yield { key, storeKey, runId, ...keyState(binding, { text: key ?? storeKey, storeKey }, record) };
    }
  } catch (error) {
    throw storeError("list", error, undefined);
  }
}
