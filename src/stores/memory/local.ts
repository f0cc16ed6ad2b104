import type { Settled, Token } from "./records.ts";

const LOCAL: unique symbol = /* @__PURE__ */ Symbol.for("with-idempotency/local/1") as never;

/** What a store that lives and dies with its process does beside the interface. */
export interface Local {
  /** The next token: a number that no other claim of this store has, and no memory of its own. */
  takeToken(): Token;
  /** The text that stands for a run, the same for all of its attempts, and in no other process. */
  runText(key: string, runId: Token): string;
  /** The record of a completed key, which counts as used; undefined where there is none. */
  peekCompleted(key: string): Settled | undefined;
}

/** The local side of a store, where it has one and is not wrapped. Another copy of the package finds it too. */
export function localOf(store: object): Local | undefined {
  const local = (store as { [LOCAL]?: Local })[LOCAL];
  return local === store ? local : undefined;
}

export { LOCAL };
