import { memoryStore } from "with-idempotency";
import { manualClock, storeConformance } from "with-idempotency/testing";
import { type Check, checks, same } from "./check.ts";

const REACTIONS = { evict: "evicts", reject: "refuses" } as const;

function suite(onFull: "evict" | "reject"): Check[] {
  const clock = manualClock();
  const { cases, uncovered } = storeConformance({
    create: () => memoryStore({ clock: clock.now, onFull, maxEntries: 2_000 }),
    advance: clock.advance,
    hints: true,
    lists: true,
    many: true,
    full: {
      reaction: REACTIONS[onFull],
      create: (maxEntries, onEvict) => memoryStore({ clock: clock.now, onFull, maxEntries, onEvict }),
    },
  });
  const subject = `the in-memory store that ${REACTIONS[onFull]}`;
  return [
    ...checks(subject, Object.fromEntries(cases.map(({ name, run }) => [name, run]))),
    ...checks(subject, {
      "is covered, but for what takes a second client or a look inside": () =>
        same(
          "the rest",
          uncovered.filter(name => !/^S10: |client/.test(name)),
          [],
        ),
    }),
  ];
}

/** The clauses of the store interface. They share a clock, and so run one after the other. */
export const conformanceChecks = [...suite("evict"), ...suite("reject")];
