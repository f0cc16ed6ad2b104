import type * as Library from "with-idempotency";

/** The built package, as an application loads it. */
export const library: typeof Library = await import(new URL("../dist/index.js", import.meta.url).href);

/** What `fn` answers with: a small object, as a provider's receipt is. */
export const receipt = (n: number) => ({ messageId: `<${n}@mail.example>`, accepted: true, recipients: 1 });

export const keyOf = (n: number) => `order-shipped:${n}`;

export const TTL = "24h";
export const TTL_MS = 24 * 60 * 60 * 1000;
