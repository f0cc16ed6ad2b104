import { disown } from "../util/awaitable.ts";
import { canonical } from "../util/canonical.ts";
import { Unsupported } from "../util/parts.ts";
import { digest } from "../util/sha256.ts";
import { InvalidOptionError } from "./errors.ts";

const LENGTH = 22; // 132 bits

/**
 * Returns a short, stable digest of any plain data: 22 characters of `[A-Za-z0-9_-]`, the same on every machine
 * and runtime.
 *
 * The order of object keys, and of the entries of a `Map` or `Set`, makes no difference. Everything else does: `1`
 * and `"1"`, `null`, `undefined` and absent, `[]` and `{}`, a `Date` and its text. In a key, it means "until the
 * data changes".
 *
 * @example
 * ```ts
 * import { fingerprint, withIdempotency } from "with-idempotency";
 *
 * const order = { id: 42, status: "shipped" };
 * console.log(fingerprint(order) === fingerprint({ status: "shipped", id: 42 })); // → true
 * // One email per user and version of the order: another status makes another key.
 * console.log(await withIdempotency(["order-changed", 7, fingerprint(order)], "24h", () => "sent")); // → sent
 * ```
 *
 * @throws InvalidOptionError `INVALID_OPTION` if the data contains a function, a symbol or a class instance
 */
export function fingerprint(data: unknown): string {
  try {
    return digest(canonical(data)).slice(0, LENGTH);
  } catch (cause) {
    disown(data);
    const why = cause instanceof Unsupported ? cause.message : "data that cannot be read";
    throw new InvalidOptionError(`fingerprint: expected plain data; got ${why}`, { cause });
  }
}
