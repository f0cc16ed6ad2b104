import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../../src/stores/memory/store.ts";
import { manualClock, storeConformance } from "../../../../src/testing.ts";

const REACTIONS = { evict: "evicts", reject: "refuses" } as const;

describe.each(["evict", "reject"] as const)("an in-memory store with onFull: %s", onFull => {
  const clock = manualClock();
  const { cases, uncovered } = storeConformance({
    create: () => memoryStore({ clock: clock.now, onFull, maxEntries: 10_000 }),
    advance: clock.advance,
    hints: true,
    lists: true,
    many: true,
    full: {
      reaction: REACTIONS[onFull],
      create: (maxEntries, onEvict) => memoryStore({ clock: clock.now, onFull, maxEntries, onEvict }),
    },
  });

  it.each(cases)("$name", ({ run }) => run());

  it("is covered, but for what takes a second client or a look inside", () => {
    expect(uncovered.filter(name => !/^S10: |client/.test(name))).toEqual([]);
    expect(uncovered.length).toBeLessThan(cases.length / 4);
  });
});
