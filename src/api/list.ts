import { readDuration } from "../contract/duration.ts";
import type { KeyEntry, ListFilter } from "../contract/idempotency.ts";
import { callerKey, namespacePrefix } from "../contract/key.ts";
import type { ListedRecord, ListQuery } from "../contract/store.ts";
import { expectMethods, expectOneOf, readByRules } from "../contract/validate.ts";
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
  expectMethods("store", "one that can list its keys (`inspect` works with any)", ["list"], store);
  const { namespace, defaults } = binding;
  const prefix = namespacePrefix(namespace);
  const query = { prefix, status, olderThanMs, timeoutMs: defaults.storeTimeoutMs };
  return entries(binding, () => store.list!(query));
}

async function* entries(
  binding: Binding,
  ask: () => AsyncIterable<ListedRecord>,
): AsyncGenerator<KeyEntry, void, undefined> {
  const { namespace } = binding;
  try {
    for await (const record of ask()) {
      if (typeof record?.runId !== "string") throw nonsense("list", "ListedRecords", record);
      const { key: storeKey, runId } = record;
      const known = callerKey(namespace, storeKey);
      // Without a namespace the prefix is that of all.
      if (known === undefined) continue;
      const key = known.text;
      yield { key, storeKey, runId, ...keyState(binding, { text: key ?? storeKey, storeKey }, record) };
    }
  } catch (error) {
    throw storeError("list", error, undefined);
  }
}
