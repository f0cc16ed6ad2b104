import { InvalidOptionError } from "../contract/errors.ts";
import { readAtMost } from "./body.ts";

/**
 * What must match on reuse of a key: the method, the path with its query, and a digest of the body's bytes. Undefined
 * where there are more of these than that. Rejects where the client leaves before all have come: nothing is claimed yet.
 *
 * It reads a clone: the handler gets the request that came, and not a copy, which would lack what frameworks add to it.
 */
export async function payloadOf(request: Request, maxBytes: number): Promise<readonly unknown[] | undefined> {
  if (request.bodyUsed || request.body?.locked) {
    throw new InvalidOptionError(
      "request: expected a body that nobody has read; got one that is read already. Call this handler before anything reads the request, or give it a clone.",
    );
  }
  if (Number(request.headers.get("content-length")) > maxBytes) return undefined;
  const { pathname, search } = new URL(request.url);
  const bytes = await readAtMost(request.clone().body, maxBytes);
  if (bytes === undefined) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [request.method.toUpperCase(), pathname + search, digest];
}
