import type { Execution, Idempotency, IdempotencyEvent, Options } from "../../../src/index.ts";
import { localStore, type Network, remoteStore } from "./network.ts";
import type { CallPlan } from "./plan.ts";
import { hash, random } from "./random.ts";
import { type Clocks, globalsOf, type Program } from "./sandbox.ts";
import { codeOf, errorOf, isStorable, nameError, refusal, resultOf, snapshot, spoil } from "./values.ts";
import type { Actor } from "./world.ts";

/** One life of a process: an engine of its own, with clocks of its own. */
export interface Life {
  actor: Actor;
  clocks: Clocks;
  idempotency: Idempotency;
}

/** Starts a process: loads the package anew, as a new process does. */
export function start(network: Network, program: Program, index: number, lives: number): Life {
  const { plan, world } = network;
  const name = `p${index + 1}${"'".repeat(lives)}`;
  const actor: Actor = { name, isDead: false, isFrozen: false, held: [], steps: 0, stoodStillMs: 0 };
  // The clones of one snapshot differ by nothing but what the platform draws for them from then on.
  const dice = random(plan.seed, 3, plan.clones ? 0 : index, plan.clones ? 0 : lives);
  const entropy = { source: dice };
  const clocks = { monotonicMs: dice.below(1e9), dateMs: dice.pick([0, 0, -7_200_000, 3_600_000]) };
  const { engine } = program.load(globalsOf(world, actor, dice, clocks, entropy));
  const store = plan.isLocal ? localStore(network, actor) : remoteStore(network, actor, hash(index, lives));
  const seconds = (ms: number) => ({ seconds: ms / 1_000 });
  const idempotency = engine.createIdempotency({
    store,
    lease: seconds(plan.leaseMs),
    waitTimeout: seconds(plan.waitMs),
    storeTimeout: seconds(plan.storeTimeoutMs),
  });
  entropy.source = random(plan.seed, 4, index, lives);
  return { actor, clocks, idempotency };
}

/** Makes a call, and records what comes of it. */
export function make(network: Network, { actor, idempotency }: Life, call: CallPlan): void {
  const { world, plan, record } = network;
  const of = () => ({ at: world.now, process: actor.name, call: call.name, key: call.key });
  const { key, onConflict, onUncertain, onStoreError, fingerprint } = call;
  const { ttlMs, leaseMs, waitMs, storeTimeoutMs } = plan;
  const times = { ttlMs, leaseMs, waitMs: onConflict === "reject" ? 0 : waitMs, storeTimeoutMs };
  record({ type: "call", ...of(), ...times, onUncertain, onConflict, onStoreError, fingerprint });
  const controller = call.abortAfterMs === undefined ? undefined : new AbortController();
  if (controller) {
    const abort = () => {
      record({ type: "abort", ...of() });
      controller.abort(`${call.name} was aborted`);
    };
    world.after(call.abortAfterMs!, abort, actor);
  }
  const options: Options = {
    onConflict,
    onUncertain,
    onStoreError,
    fingerprint,
    signal: controller?.signal,
    onError: call.onError && (() => call.onError!),
    onEvent: (event: IdempotencyEvent) => {
      if (event.type === "late-claim" || event.type === "unprotected") {
        record({ type: "note", at: world.now, process: actor.name, text: `${call.name}: ${event.type}` });
      }
    },
  };
  idempotency
    .execute(key, { seconds: ttlMs / 1_000 }, execution => perform(network, actor, call, execution), options)
    .then(
      ({ value, attempt, replayed, persisted }) => {
        record({ type: "result", ...of(), value: snapshot(value), attempt, replayed, persisted });
        spoil(value);
      },
      (error: unknown) => record({ type: "refused", ...of(), ...refusal(error) }),
    );
}

/** The work of `fn`: a while, the side effect, a while, and its end. */
function perform(network: Network, actor: Actor, call: CallPlan, execution: Execution): unknown {
  const { world, record } = network;
  const { work } = call;
  const of = () => ({ at: world.now, process: actor.name, call: call.name, key: call.key });
  const { attempt, idempotencyKey } = execution;
  const watches = work.watches && !work.isSync;
  record({ type: "start", ...of(), attempt, idempotencyKey, watches });
  const sending = { by: call.name, actor, isOver: false, hasHappened: false };
  network.provider.set(idempotencyKey, [...(network.provider.get(idempotencyKey) ?? []), sending]);
  const effect = () => {
    sending.hasHappened = true;
    record({ type: "effect", ...of() });
  };
  const sleep = (ms: number) => new Promise<void>(resolve => void world.after(ms, resolve, actor));
  const finish = (): object => {
    if (work.ends === "error" || work.ends === "cut") throw failure(network, actor, call);
    const value = resultOf(call.name, work.ends);
    record({ type: "end", ...of(), value: snapshot(value), storable: isStorable(value) });
    return value;
  };
  if (work.isSync) {
    effect();
    sending.isOver = true;
    return finish();
  }
  const stopped = watches ? watch(network, actor, call, execution.signal) : new Promise<never>(() => {});
  const worked = (async () => {
    await sleep(work.beforeEffectMs);
    effect();
    // Also where `fn` has stopped meanwhile: what was sent is not called back.
    sending.isOver = true;
    await sleep(work.afterEffectMs);
  })();
  return Promise.race([worked, stopped]).then(finish);
}

function failure(network: Network, actor: Actor, call: CallPlan): Error {
  const error = errorOf(call.work.ends);
  recordThrow(network, actor, call, error, call.work.ends === "cut" ? "hold" : "release");
  return error;
}

function recordThrow(
  { world, record }: Network,
  actor: Actor,
  { name, key, onError }: CallPlan,
  thing: unknown,
  policy: "release" | "hold",
): void {
  const error = nameError(thing, name);
  record({
    type: "throw",
    at: world.now,
    process: actor.name,
    call: name,
    key,
    error,
    policy: onError ?? policy,
  });
}

/** Rejects with the signal's reason where the work heeds it. */
function watch(network: Network, actor: Actor, call: CallPlan, signal: AbortSignal): Promise<never> {
  const { world, record } = network;
  const of = () => ({ at: world.now, process: actor.name, call: call.name, key: call.key });
  return new Promise((_, reject) => {
    const aborted = () => {
      record({ type: "lost", ...of(), reason: codeOf(signal.reason) });
      if (!call.work.heeds) return;
      recordThrow(network, actor, call, signal.reason, "hold");
      reject(signal.reason);
    };
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted);
  });
}
