import { computed, onBeforeUnmount, onMounted, ref, shallowRef } from "vue";
import { openRealm, type RealmClient } from "./realm-client.ts";
import type { Scenario } from "./scenario.ts";
import type { Snapshot } from "./simulation.ts";

const NOTHING: Snapshot = { now: 0, isOver: false, trace: [], mailboxes: { with: [], without: [] } };
const VIRTUAL_PER_REAL = 2;
/** No scenario plays for longer than this. */
const LONGEST_PLAY_MS = 9_000;
const STEP_EVERY_MS = 700;
const SHORTEST_AXIS_MS = 6_000;
/** Room at the end of the axis, for what is written there. */
const ROOM = 1.22;

/** Runs a scenario as the reader wants it: step by step, as a film, or at once. */
export function useSimulation(scenarioNow: () => Scenario) {
  const snapshot = shallowRef<Snapshot>(NOTHING);
  const keys = shallowRef<string[]>([]);
  const namesNoData = ref(false);
  const lengthMs = ref(0);
  const error = ref("");
  const isPlaying = ref(false);
  const isReady = ref(false);
  /** Whether what is shown is not yet what the forms say. */
  const isBusy = ref(true);
  const extent = computed(() => Math.max(SHORTEST_AXIS_MS, lengthMs.value * ROOM));
  let realm: RealmClient | undefined;
  /** Counts what the reader asked for, so that an answer to what they left is dropped. */
  let turn = 0;

  onMounted(() => {
    realm = openRealm();
    isReady.value = true;
    void show();
  });
  onBeforeUnmount(() => {
    turn++;
    realm?.close();
  });

  async function attempt(
    act: (realm: RealmClient, isCurrent: () => boolean) => Promise<void>,
  ): Promise<void> {
    if (realm === undefined) return;
    const mine = ++turn;
    isPlaying.value = false;
    const isCurrent = () => mine === turn;
    try {
      await act(realm, isCurrent);
    } catch (caught) {
      if (!isCurrent()) return;
      isPlaying.value = false;
      error.value = caught instanceof Error ? caught.message : String(caught);
      snapshot.value = NOTHING;
      keys.value = [];
    } finally {
      if (isCurrent()) isBusy.value = false;
    }
  }

  async function begin(realm: RealmClient, isCurrent: () => boolean, toTheEnd = false): Promise<boolean> {
    const beginning = await realm.begin(scenarioNow());
    const first = toTheEnd ? await realm.finish() : beginning.snapshot;
    if (!isCurrent()) return false;
    error.value = "";
    snapshot.value = first;
    lengthMs.value = beginning.lengthMs;
    keys.value = beginning.keys;
    namesNoData.value = beginning.namesNoData;
    return true;
  }

  const take = (isCurrent: () => boolean, next: Snapshot) => {
    if (isCurrent()) snapshot.value = next;
    return isCurrent() && !next.isOver;
  };

  /** Where it stands still, over: from the beginning. */
  const fromBeginning = async (realm: RealmClient, isCurrent: () => boolean) =>
    !snapshot.value.isOver || begin(realm, isCurrent);

  /** The scenario's end at once, with nothing shown on the way there. */
  const show = () => {
    isBusy.value = true;
    return attempt(async (realm, isCurrent) => void (await begin(realm, isCurrent, true)));
  };
  const restart = () => attempt(async (realm, isCurrent) => void (await begin(realm, isCurrent)));
  const finish = () => attempt(async (realm, isCurrent) => void take(isCurrent, await realm.finish()));
  const step = () =>
    attempt(async (realm, isCurrent) => {
      if (await fromBeginning(realm, isCurrent)) take(isCurrent, await realm.step());
    });
  const pause = () => attempt(async () => {});
  const play = () =>
    attempt(async (realm, isCurrent) => {
      if (!(await fromBeginning(realm, isCurrent))) return;
      isPlaying.value = true;
      const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      await (isStill ? playByStep : playSmoothly)(realm, isCurrent);
      if (isCurrent()) isPlaying.value = false;
    });

  async function playSmoothly(realm: RealmClient, isCurrent: () => boolean): Promise<void> {
    const speed = Math.max(VIRTUAL_PER_REAL, lengthMs.value / LONGEST_PLAY_MS);
    const from = snapshot.value.now;
    const begun = performance.now();
    const frame = () => new Promise<number>(resolve => requestAnimationFrame(resolve));
    for (let goesOn = true; goesOn && isCurrent(); ) {
      const at = from + Math.max(0, (await frame()) - begun) * speed;
      if (isCurrent()) goesOn = take(isCurrent, await realm.advanceTo(at));
    }
  }

  async function playByStep(realm: RealmClient, isCurrent: () => boolean): Promise<void> {
    while (take(isCurrent, await realm.step())) {
      await new Promise(resolve => setTimeout(resolve, STEP_EVERY_MS));
      if (!isCurrent()) return;
    }
  }

  return {
    snapshot,
    keys,
    namesNoData,
    extent,
    error,
    isPlaying,
    isReady,
    isBusy,
    show,
    restart,
    finish,
    step,
    play,
    pause,
  };
}
