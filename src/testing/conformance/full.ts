import type { ClaimRequest, IdempotencyStore } from "../../contract/store.ts";
import type { StoreHarness } from "./harness.ts";
import { type CaseSpec, equal, has, LONG, PAST_LEASE, PAST_TTL, type Scene } from "./scene.ts";

type FullStore = NonNullable<StoreHarness["full"]>;
type Times = Pick<ClaimRequest, "leaseMs" | "ttlMs">;

/** How a claim of a crowd ends. */
interface End {
  status: string;
  end(store: IdempotencyStore, key: string, token: string, ttlMs: number): unknown;
}
const STAYS: End = { status: "in-progress", end: () => true };
const COMPLETES: End = {
  status: "completed",
  end: (store, key, token, ttlMs) => store.complete(key, token, "sent", ttlMs),
};
const ALL: readonly End[] = [
  STAYS,
  COMPLETES,
  { status: "released", end: (store, key, token) => store.release(key, token) },
  { status: "uncertain", end: (store, key, token) => store.renew(key, token, 0) },
];

/** Whether the store took the claim; a store that is full rejects or throws. */
async function accepted(claim: () => unknown): Promise<boolean> {
  try {
    await claim();
    return true;
  } catch {
    return false;
  }
}

/** Claims that many keys, which end by turns. Returns the status of each, `"refused"` if its claim was. */
export async function crowd(store: IdempotencyStore, prefix: string, size: number, times: Times, ends = ALL) {
  const left = new Map<string, string>();
  for (let i = 0; i < size; i += 1) {
    const key = `${prefix}-${i}`;
    const { status, end } = ends[i % ends.length]!;
    const taken = await accepted(() => store.claim(key, { token: key, ...times }));
    if (taken) await end(store, key, key, times.ttlMs);
    left.set(key, taken ? status : "refused");
  }
  return left;
}

const ROOM = 4;
/** So many that each of the statuses alone would be too many. */
const CROWD = 2 * ROOM * ALL.length;

/** Makes a store with little room and lets far more claim a key of it. */
async function crowded({ key, adopt }: Scene, full: FullStore, times: Times = LONG, ends = ALL) {
  const announced = new Set<string>();
  const store = adopt(await full.create(ROOM, evicted => announced.add(evicted)));
  const left = await crowd(store, key, CROWD, times, ends);
  return { store, announced, left, refused: [...left.values()].includes("refused") };
}

async function nothingVanishes(scene: Scene, full: FullStore): Promise<void> {
  const { store, announced, left } = await crowded(scene, full);
  for (const [key, status] of left) {
    const record = await store.read(key);
    if (status === "refused") equal("the record of a refused claim", record, undefined);
    else if (announced.has(key)) equal(`the ${status} record announced as evicted`, record, undefined);
    else has(`the ${status} record not announced as evicted`, record, { status });
  }
}

async function progressStays(scene: Scene, full: FullStore, ends = ALL): Promise<void> {
  const { store, left } = await crowded(scene, full, LONG, ends);
  for (const [key, status] of left) {
    if (status !== STAYS.status) continue;
    has("the record of a claim in progress", await store.read(key), { status, attempt: 1 });
    equal("renew of a claim in progress", await store.renew(key, key, LONG.leaseMs), true);
    equal("complete of a claim in progress", await store.complete(key, key, "sent", LONG.ttlMs), true);
  }
}

async function reacts(scene: Scene, full: FullStore): Promise<void> {
  const { announced, refused } = await crowded(scene, full, LONG, [COMPLETES]);
  equal("whether claims on a full store are refused", refused, full.reaction === "refuses");
  equal("whether evicted keys are announced", announced.size > 0, full.reaction === "evicts");
}

async function expiredTakeNoRoom(scene: Scene, full: FullStore): Promise<void> {
  const { store, announced } = await crowded(scene, full, scene.short);
  await scene.pass(PAST_LEASE + PAST_TTL);
  announced.clear();
  const left = await crowd(store, `${scene.key}-later`, ROOM, LONG);
  equal("whether a claim is refused", [...left.values()].includes("refused"), false);
  equal("the number of live records evicted", [...left.keys()].filter(key => announced.has(key)).length, 0);
}

/** S8: what a store does that has no room for another record. */
export const fullCases = ({ full }: StoreHarness): CaseSpec[] =>
  Object.entries({
    "no record of a full store vanishes unannounced": nothingVanishes,
    "a full store evicts no claim in progress": (scene: Scene, store: FullStore) =>
      progressStays(scene, store),
    "a store full of claims in progress evicts none": (scene: Scene, store: FullStore) =>
      progressStays(scene, store, [STAYS]),
    "a full store refuses claims, or announces what it evicts": reacts,
    "expired records take no room in a full store": expiredTakeNoRoom,
  }).map(([says, test]) => ({ clause: "S8", says, test: full && (scene => test(scene, full)) }));
