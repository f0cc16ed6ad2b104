import { storableText } from "../shared/record.ts";

const BAR = "|";
// As `storableText` marks what a store cannot keep, and what `originalText` reads.
const MARKED_BAR = "\u0010007c";

const withoutBar = (text: string) => storableText(text).replaceAll(BAR, MARKED_BAR);

/**
 * Names a store's keys in Redis, and its channels. A prefix whose only colon is its last character, such as
 * `idempotency:`, is followed by the key, and no bar stands in the name; any other prefix is followed by a bar and then
 * the key. So the first bar, or else the first colon, ends the prefix, and no two prefixes ever give the same name.
 */
export function naming(prefix: string): (key: string) => string {
  const start = withoutBar(prefix);
  if (/^[^:]*:$/.test(prefix)) return key => start + withoutBar(key);
  return key => start + BAR + storableText(key);
}
