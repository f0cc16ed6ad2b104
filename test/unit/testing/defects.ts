import type { ClaimRequest, ClaimResult, StoreRecord } from "../../../src/contract/store.ts";
import type { Defect } from "./reference-harness.ts";
import type { Kept, ReferenceStore } from "./reference-store.ts";

/** Defects by what they do wrong. */
export type Defects = Record<string, Defect>;

/** Gives way to whatever else runs, as a store does between two statements. */
export const turn = (): Promise<void> => Promise.resolve();

/** Changes the record, if there is one, past its time or not. */
export function edit(base: ReferenceStore, key: string, changes: (kept: Kept) => Partial<Kept>): void {
  const kept = base.records.get(key);
  if (kept) Object.assign(kept, changes(kept));
}

/** Makes the record one that never expires. */
export function revive(base: ReferenceStore, key: string): void {
  edit(base, key, () => ({ expiresAt: Number.POSITIVE_INFINITY }));
}

/** Takes the key as if it were absent. */
export function seize(base: ReferenceStore, key: string, request: ClaimRequest): ClaimResult {
  base.records.delete(key);
  return base.claim(key, request) as ClaimResult;
}

/** The same request by somebody who does not hold the key. */
export const stranger = (request: ClaimRequest): ClaimRequest => ({
  ...request,
  token: `not ${request.token}`,
});

type Operation = "claim" | "renew" | "complete" | "release" | "read" | "settle" | "reopen" | "forget";
type Act = (base: ReferenceStore, key: string, now: number) => void;

/** Does something to the key before each call of the operation. */
export const before =
  (operation: Operation, act: Act): Defect =>
  (base, now) => ({
    [operation](...args: [string, ...unknown[]]) {
      act(base, args[0], now());
      return (base[operation] as (...args: unknown[]) => unknown)(...args);
    },
  });

/** Does something to the key after each call of the operation that was not refused. */
export const after =
  (operation: Operation, act: Act): Defect =>
  (base, now) => ({
    [operation](...args: [string, ...unknown[]]) {
      const answer = (base[operation] as (...args: unknown[]) => unknown)(...args);
      if (answer !== false) act(base, args[0], now());
      return answer;
    },
  });

/** Changes what a claim is told. */
export const told =
  (status: ClaimResult["status"], change: (answer: ClaimResult) => object): Defect =>
  base => ({
    claim(key, request) {
      const answer = base.claim(key, request) as ClaimResult;
      return answer.status === status ? ({ ...answer, ...change(answer) } as ClaimResult) : answer;
    },
  });

/** Changes what a read is told. */
export const shown =
  (change: (record: StoreRecord, kept: Kept) => object): Defect =>
  base => ({
    read(key) {
      const record = base.read(key) as StoreRecord | undefined;
      return record && ({ ...record, ...change(record, base.records.get(key)!) } as StoreRecord);
    },
  });

/** Changes what a claim asks for, where the key is in that state. */
export const asked =
  (state: Kept["state"] | "any", change: (request: ClaimRequest, kept: Kept | undefined) => object): Defect =>
  base => ({
    claim(key, request) {
      const kept = base.find(key);
      const applies = state === "any" || kept?.state === state;
      return base.claim(key, applies ? { ...request, ...change(request, kept) } : request);
    },
  });

/** Takes the key for another in every operation. */
export const respelt =
  (spell: (key: string) => string): Defect =>
  base => ({
    claim: (key, request) => base.claim(spell(key), request),
    renew: (key, ...rest) => base.renew(spell(key), ...rest),
    complete: (key, ...rest) => base.complete(spell(key), ...rest),
    release: (key, ...rest) => base.release(spell(key), ...rest),
    read: key => base.read(spell(key)),
    settle: (key, ...rest) => base.settle(spell(key), ...rest),
    reopen: (key, ...rest) => base.reopen(spell(key), ...rest),
    forget: key => base.forget(spell(key)),
  });

/** Changes an outcome on its way in. */
export const rewritten =
  (write: (outcome: string) => string): Defect =>
  base => ({
    complete: (key, token, outcome, ttlMs) => base.complete(key, token, write(outcome), ttlMs),
    settle: (key, outcome, ttlMs) => base.settle(key, write(outcome), ttlMs),
  });
