import { originalText, storableText } from "../shared/record.ts";

const BAR = "|";
// As `storableText` marks what a store cannot keep, and what `originalText` reads.
const MARKED_BAR = "\u0010007c";

const withoutBar = (text: string) => storableText(text).replaceAll(BAR, MARKED_BAR);

/** What all names of a prefix begin with. One that ends with a colon may begin another's too, which then has a bar. */
function start(prefix: string): string {
  return /^[^:]*:$/.test(prefix) ? withoutBar(prefix) : withoutBar(prefix) + BAR;
}

/**
 * Names a store's keys in Redis, and its channels. A prefix whose only colon is its last character, such as
 * `idempotency:`, is followed by the key, and no bar stands in the name; any other prefix is followed by a bar and then
 * the key. So the first bar, or else the first colon, ends the prefix, and no two prefixes ever give the same name.
 */
export function naming(prefix: string): (key: string) => string {
  const begin = start(prefix);
  return begin.endsWith(BAR) ? key => begin + storableText(key) : key => begin + withoutBar(key);
}

/** Reads a key back from its name; undefined where the name is another prefix's. */
export function keyOf(prefix: string, name: string): string | undefined {
  const begin = start(prefix);
  const isOwn = name.startsWith(begin) && (begin.endsWith(BAR) || !name.includes(BAR));
  return isOwn ? originalText(name.slice(begin.length)) : undefined;
}
