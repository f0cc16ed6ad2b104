import { inspect } from "node:util";
import { newBinding } from "../../api/binding.ts";
import { keyState } from "../../api/key-operations.ts";
import { fingerprint } from "../../contract/fingerprint.ts";
import type { KeyEntry } from "../../contract/idempotency.ts";
import { callerKey } from "../../contract/key.ts";
import { DEFAULTS } from "../../contract/options.ts";
import type { StoreRecord } from "../../contract/store.ts";

/** What the command shows of a key. */
export interface ShownKey extends Omit<KeyEntry, "runId"> {
  namespace: string | undefined;
}

// Only the default serializer is known here: what another one wrote is not shown.
const BINDING = newBinding(DEFAULTS);
const NAMESPACE = /^:((?:\\.|[^\\:])+):/s;

/**
 * The namespace of a key as a store has it. A very long one is a digest there, which is shown as it is, with a backslash
 * that no other begins with.
 */
export function namespaceOf(storeKey: string): string | undefined {
  const escaped = NAMESPACE.exec(storeKey)?.[1];
  if (escaped === undefined || escaped.startsWith("\\sha256.")) return escaped;
  return escaped.replace(/\\(.)/gs, "$1");
}

function keyOf(storeKey: string): string | undefined {
  const prefix = NAMESPACE.exec(storeKey)?.[0];
  if (prefix === undefined) return callerKey(undefined, storeKey)?.text;
  // The same as behind any namespace.
  return callerKey("n", `:n:${storeKey.slice(prefix.length)}`)?.text;
}

export function shownKey(storeKey: string, record: StoreRecord): ShownKey {
  const key = keyOf(storeKey);
  const namespace = namespaceOf(storeKey);
  return { namespace, key, storeKey, ...keyState(BINDING, { text: key ?? storeKey, storeKey }, record) };
}

/** How a key is named to a person. */
export function nameOf({
  key,
  storeKey,
  namespace,
}: Pick<ShownKey, "key" | "storeKey" | "namespace">): string {
  const name = key ?? storeKey;
  return namespace === undefined || key === undefined ? name : `${name} (namespace ${namespace})`;
}

/** The same without what may have personal data in it. The key to look for at the provider stays. */
export function redacted(shown: ShownKey): ShownKey {
  const { value: _, error, ...rest } = shown;
  return {
    ...rest,
    key: shown.key === undefined ? undefined : fingerprint(shown.key),
    storeKey: fingerprint(shown.storeKey),
    ...(error && { error: { name: error.name, message: "", code: error.code } }),
  };
}

/** A line of JSON. What JSON has no form for is described as text. */
export function jsonLine(fields: object): string {
  const known = Object.entries(fields).flatMap(([name, value]) => {
    const json = jsonOf(value);
    return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
  });
  return `{${known.join()}}\n`;
}

// JSON writes again what is referred to again, and what does so at every level unfolds without end.
const MAX_PARTS = 1_000_000;

/** A cyclic, a very deep or an endlessly unfolding value is described as a whole. */
function jsonOf(value: unknown): string | undefined {
  let parts = 0;
  try {
    return JSON.stringify(value, (_, part) => {
      parts += 1;
      if (parts > MAX_PARTS) throw new RangeError("Too large as JSON");
      return described(part);
    });
  } catch {
    return JSON.stringify(inspect(value, SHOWN));
  }
}

const SHOWN = { depth: 4 };

function described(value: unknown): unknown {
  const isPlain = value === null || typeof value !== "object" || Array.isArray(value);
  if (typeof value === "bigint") return `${value}n`;
  if (isPlain) return value;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? value : inspect(value, SHOWN);
}
