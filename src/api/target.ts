import type { KeyEntry } from "../contract/idempotency.ts";
import { callerKey, type Key, keyText, storeKey } from "../contract/key.ts";
import type { Seen } from "../contract/store.ts";
import { invalidOption } from "../contract/validate.ts";

/** What an operator's operation is about. */
export interface Target {
  /** The key, as errors show it. */
  readonly text: string;
  readonly storeKey: string;
  /** S11: the claim that an entry shows; a key alone says of none. */
  readonly seen: Seen | undefined;
}

/** Reads what stands for a key: the key itself, or an entry of a listing. Throws `INVALID_KEY`, `INVALID_OPTION`. */
export function targetOf(namespace: string | undefined, key: Key | KeyEntry): Target {
  const isEntry = typeof key === "object" && key !== null && "storeKey" in key;
  if (isEntry) return targetOfEntry(namespace, key);
  const text = keyText(key);
  return { text, storeKey: storeKey(namespace, text), seen: undefined };
}

function targetOfEntry(namespace: string | undefined, { storeKey, runId, attempt }: KeyEntry): Target {
  const isSound = typeof storeKey === "string" && typeof runId === "string" && Number.isInteger(attempt);
  const known = isSound ? callerKey(namespace, storeKey) : undefined;
  if (known === undefined) {
    const here = namespace === undefined ? "no namespace" : `the namespace "${namespace}"`;
    invalidOption("entry", `an unchanged entry of list() from ${here}`, storeKey);
  }
  return { text: known.text ?? storeKey, storeKey, seen: { runId, attempt } };
}
