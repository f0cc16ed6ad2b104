import type { BatchExecution, ItemOutcome, ManyConfig } from "../../../src/index.ts";
import type { Network } from "./network.ts";
import type { BatchPlan, ItemPlan } from "./plan.ts";
import type { Life } from "./processes.ts";
import {
  codeOf,
  errorOf,
  isStorable,
  MISMATCH,
  nameError,
  refusal,
  resultOf,
  snapshot,
  spoil,
} from "./values.ts";
import type { Actor } from "./world.ts";

interface Scene {
  network: Network;
  actor: Actor;
  batch: BatchPlan;
  /** The items whose calls have begun, and have no answer yet. */
  pending: Set<ItemPlan>;
  hasLeft: boolean;
}

/** Makes the calls of a batch together, and records what comes of each as of a call of its own. */
export function makeMany(network: Network, { actor, idempotency }: Life, batch: BatchPlan): void {
  const { world, record } = network;
  const { name, items, batchSize } = batch;
  const scene: Scene = { network, actor, batch, pending: new Set(), hasLeft: false };
  const calls = items.map(item => item.name);
  const keys = items.map(({ key }) => key);
  record({ type: "many", at: world.now, process: actor.name, batch: name, calls, keys, batchSize });
  const outcomes = idempotency.executeMany(items, configOf(scene), (items, execution) =>
    performMany(scene, items, execution),
  );
  const end = (keys: (string | undefined)[]) =>
    record({
      type: "outcomes",
      at: world.now,
      process: actor.name,
      batch: name,
      keys,
      hasLeft: scene.hasLeft,
    });
  readAll(scene, outcomes).then(end, error =>
    record({
      type: "note",
      at: world.now,
      process: actor.name,
      text: `unhandled: ${name} rejected: ${error}`,
    }),
  );
}

const moment = ({ network, actor }: Scene) => ({ at: network.world.now, process: actor.name });
const of = (scene: Scene, { name, key }: ItemPlan) => ({ ...moment(scene), call: name, key });

function configOf(scene: Scene): ManyConfig<ItemPlan, unknown> {
  const { network, batch } = scene;
  const { batchSize, onConflict, onUncertain, onStoreError, onError } = batch;
  return {
    key(item) {
      beginItem(scene, item);
      return item.key;
    },
    ttl: { seconds: network.plan.ttlMs / 1_000 },
    fingerprint: ({ fingerprint }) => fingerprint,
    batchSize,
    onConflict,
    onUncertain,
    onStoreError,
    signal: signalOf(scene),
    onError: onError && (() => onError),
  };
}

/** The item's own call begins when its key is asked for. */
function beginItem(scene: Scene, item: ItemPlan): void {
  const { network, batch, pending, hasLeft } = scene;
  const { onConflict, onUncertain, onStoreError } = batch;
  const { ttlMs, leaseMs, waitMs, storeTimeoutMs } = network.plan;
  const times = { ttlMs, leaseMs, waitMs: onConflict === "reject" ? 0 : waitMs, storeTimeoutMs };
  const { fingerprint } = item;
  const options = { onUncertain, onConflict, onStoreError, fingerprint, batch: batch.name };
  network.record({ type: "call", ...of(scene, item), ...times, ...options });
  pending.add(item);
  if (hasLeft)
    network.record({ type: "note", ...moment(scene), text: "unhandled: begun though its reader has left" });
}

function signalOf(scene: Scene): AbortSignal | undefined {
  const { network, actor, batch, pending } = scene;
  if (batch.abortAfterMs === undefined) return undefined;
  const controller = new AbortController();
  const abort = () => {
    for (const item of pending) network.record({ type: "abort", ...of(scene, item) });
    controller.abort(`${batch.name} was aborted`);
  };
  network.world.after(batch.abortAfterMs, abort, actor);
  return controller.signal;
}

type Outcomes = Promise<ItemOutcome<unknown>[]> & AsyncIterable<ItemOutcome<unknown>>;

async function readAll(scene: Scene, outcomes: Outcomes): Promise<(string | undefined)[]> {
  const { items, reads } = scene.batch;
  const keys: (string | undefined)[] = [];
  const take = (outcome: ItemOutcome<unknown>) => {
    const item = items[keys.push(outcome.key) - 1];
    if (item !== undefined) answered(scene, item, outcome);
  };
  if (reads === "all") {
    for (const outcome of await outcomes) take(outcome);
    return keys;
  }
  for await (const outcome of outcomes) {
    take(outcome);
    if (reads === "each") continue;
    leave(scene);
    break;
  }
  return keys;
}

function answered(scene: Scene, item: ItemPlan, outcome: ItemOutcome<unknown>): void {
  const { network, pending } = scene;
  pending.delete(item);
  if (outcome.status === "rejected") {
    network.record({ type: "refused", ...of(scene, item), ...refusal(outcome.reason) });
    return;
  }
  const { value, attempt, replayed, persisted } = outcome;
  network.record({
    type: "result",
    ...of(scene, item),
    value: snapshot(value),
    attempt,
    replayed,
    persisted,
  });
  spoil(value);
}

/** To who reads no further the others are as good as aborted. */
function leave(scene: Scene): void {
  scene.hasLeft = true;
  for (const item of scene.pending) {
    scene.network.record({ type: "abort", ...of(scene, item) });
    scene.network.record({ type: "refused", ...of(scene, item), aborted: true });
  }
}

/** The work of `fn`: a while, the side effect of one item after the other, a while, and its end. */
function performMany(
  scene: Scene,
  items: readonly ItemPlan[],
  execution: BatchExecution,
): unknown[] | Promise<unknown[]> {
  const { network, actor, batch } = scene;
  const { world, record } = network;
  const { work } = batch;
  const { attempts, idempotencyKeys, idempotencyKey } = execution;
  const watches = work.watches && !work.isSync;
  const calls = items.map(({ name }) => name);
  record({
    type: "batch",
    ...moment(scene),
    batch: batch.name,
    calls,
    idempotencyKeys,
    idempotencyKey,
    watches,
  });
  const sendings = items.map((item, n) => {
    const [attempt, idempotencyKey] = [attempts[n]!, idempotencyKeys[n]!];
    // Its own signal is that of its batch, which aborts when all of them are lost.
    const isAlone = watches && items.length === 1;
    record({ type: "start", ...of(scene, item), attempt, idempotencyKey, watches: isAlone });
    const sending = { by: item.name, actor, isOver: false, hasHappened: false };
    network.provider.set(idempotencyKey, [...(network.provider.get(idempotencyKey) ?? []), sending]);
    return sending;
  });
  const isWhole = work.ends === "each" || work.ends === "too few";
  const happens = isWhole ? items.length : Math.min(work.afterEffects, items.length);
  const effect = (n: number) => {
    record({ type: "effect", ...of(scene, items[n]!) });
    sendings[n]!.hasHappened = true;
    sendings[n]!.isOver = true;
  };
  const sleep = (ms: number) => new Promise<void>(resolve => void world.after(ms, resolve, actor));
  const isDone = () => {
    for (const sending of sendings) sending.isOver = true;
  };
  if (work.isSync) {
    for (let n = 0; n < happens; n++) effect(n);
    isDone();
    return resultsOf(scene, items);
  }
  const stopped = watches ? watch(scene, items, execution.signal) : new Promise<never>(() => {});
  const worked = (async () => {
    await sleep(work.beforeEffectMs);
    for (let n = 0; n < happens; n++) {
      if (n > 0 && work.spreadMs > 0) await sleep(work.spreadMs);
      effect(n);
    }
    isDone();
    await sleep(work.afterEffectMs);
  })();
  return Promise.race([worked, stopped]).then(() => resultsOf(scene, items));
}

/** What `fn` gives, or throws: the end of each item's run. */
function resultsOf(scene: Scene, items: readonly ItemPlan[]): unknown[] {
  const { network, batch } = scene;
  const { ends } = batch.work;
  if (ends === "too few") {
    throwAll(scene, items, MISMATCH, "hold");
    return items.slice(1).map(({ name }) => resultOf(name, "value"));
  }
  if (ends !== "each") {
    const error = errorOf(ends);
    throwAll(scene, items, nameError(error, items[0]!.name), ends === "cut" ? "hold" : "release");
    throw error;
  }
  return items.map(item => {
    if (item.ends === "error" || item.ends === "cut") {
      const error = errorOf(item.ends);
      throwAll(scene, [item], nameError(error, item.name), item.ends === "cut" ? "hold" : "release");
      return error;
    }
    const value = resultOf(item.name, item.ends);
    network.record({ type: "end", ...of(scene, item), value: snapshot(value), storable: isStorable(value) });
    return value;
  });
}

function throwAll(scene: Scene, items: readonly ItemPlan[], error: string, usual: "release" | "hold"): void {
  const policy = scene.batch.onError ?? usual;
  for (const item of items) scene.network.record({ type: "throw", ...of(scene, item), error, policy });
}

/** Rejects with the signal's reason where the work heeds it. */
function watch(scene: Scene, items: readonly ItemPlan[], signal: AbortSignal): Promise<never> {
  const { network, batch } = scene;
  return new Promise((_, reject) => {
    const aborted = () => {
      for (const item of items)
        network.record({ type: "lost", ...of(scene, item), reason: codeOf(signal.reason) });
      if (!batch.work.heeds) return;
      throwAll(scene, items, nameError(signal.reason, items[0]!.name), "hold");
      reject(signal.reason);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted);
  });
}
