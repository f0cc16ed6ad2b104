import type { StoreHarness } from "./harness.ts";
import { bring, STATUSES } from "./operations.ts";
import { type CaseSpec, equal, type Scene } from "./scene.ts";

/** Fails unless a hint that waits for a key in progress resolves soon after the change. */
async function resolvesAfter(
  scene: Scene,
  change: (abort: AbortController) => unknown,
  aborted?: AbortSignal,
): Promise<void> {
  const { store, key, pass } = scene;
  const abort = new AbortController();
  await bring(scene, "in-progress");
  let state = "absent";
  store.settled?.(key, aborted ?? abort.signal).then(
    () => {
      state = "resolved";
    },
    () => {
      state = "rejected";
    },
  );
  // What a store listens by may take a moment to stand.
  await pass(100);
  await change(abort);
  for (let waited = 0; state !== "resolved" && waited < 2_000; waited += 50) await pass(50);
  abort.abort();
  equal("settled", state, "resolved");
}

/** `settled`, where the store has it. */
export const hintCases = ({ hints = false }: StoreHarness): CaseSpec[] => [
  {
    clause: "settled",
    says: "is there if the harness says so, and only then",
    async test({ store }) {
      equal("whether the store has settled", typeof store.settled === "function", hints);
    },
  },
  ...["uncertain", "released", "completed"].map(
    (status): CaseSpec => ({
      clause: "settled",
      says: `resolves when the key becomes ${status}`,
      test: hints ? scene => resolvesAfter(scene, () => STATUSES[status]?.(scene)) : undefined,
    }),
  ),
  {
    clause: "settled",
    says: "resolves when its signal aborts",
    test: hints ? scene => resolvesAfter(scene, abort => abort.abort()) : undefined,
  },
  {
    clause: "settled",
    says: "resolves at once when its signal has aborted already",
    test: hints ? scene => resolvesAfter(scene, () => {}, AbortSignal.abort()) : undefined,
  },
];
