import type { IdempotencyStore } from "../../../src/contract/store.ts";
import { manualClock, type StoreHarness } from "../../../src/testing.ts";
import { type ReferenceOptions, type ReferenceStore, referenceStore } from "./reference-store.ts";

/** What a store does otherwise than the reference store that it is made of. */
export type Defect = (base: ReferenceStore, now: () => number) => Partial<ReferenceStore>;

/** A harness with every capability, on reference stores that a defect may spoil. */
export function referenceHarness(
  defect: Defect = () => ({}),
  reaction: "refuses" | "evicts" = "evicts",
): Required<StoreHarness> {
  const clock = manualClock();
  const bases = new Map<IdempotencyStore, ReferenceStore>();
  const sweeping = new Set<ReferenceStore>();

  function open(options?: Partial<ReferenceOptions>): ReferenceStore {
    const base = referenceStore({ now: clock.now, ...options });
    const store = { ...base, ...defect(base, clock.now) };
    bases.set(store, base);
    return store;
  }
  const storeOf = (store: IdempotencyStore) => store as ReferenceStore;

  return {
    create: () => open(),
    advance(ms) {
      clock.advance(ms);
      for (const store of sweeping) store.purge();
    },
    close: store => bases.delete(store),
    second: store => open({ records: bases.get(store)!.records }),
    hints: true,
    lists: true,
    many: true,
    full: {
      reaction,
      create: (room, announce) => open({ room, announce, onFull: reaction }),
    },
    cleanup: {
      create() {
        const store = open();
        sweeping.add(store);
        return store;
      },
      count: store => storeOf(store).records.size,
      withinMs: 0,
      purge: store => storeOf(store).purge(),
    },
    timeScale: 1,
  };
}
