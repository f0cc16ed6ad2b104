import {
  createIdempotency,
  type Execution,
  type Idempotency,
  type IdempotencySettings,
  type IdempotencyStore,
  isIdempotencyError,
  type Options,
} from "./library.ts";
import { type Network, networkStore } from "./network-store.ts";
import type { Envelope, Provider } from "./provider.ts";
import type { Choices, EventData } from "./scenario.ts";
import type { PlainEvent, Tell, WorkerName } from "./trace.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** A process that handles what the sender delivers. */
export interface WorkerProcess {
  readonly actor: Actor;
  /** Sends an email for each event. Rejects where one could not be sent. */
  handle(events: readonly EventData[], delivery: number): Promise<void>;
}

/** What both kinds of worker need. */
export interface Surroundings {
  time: VirtualTime;
  provider: Provider;
  tell: Tell;
}

/** What goes wrong with a delivery, and its code. */
class DeliveryError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function expectSent(envelopes: readonly Envelope[]): void {
  const failed = envelopes.find(({ error }) => error !== null);
  if (failed?.error) throw new DeliveryError(String(failed.error.status), failed.error.message);
}

const emailOf = ({ user }: EventData) => user.email;

/** A worker as it is without the wrapper: it sends, and says whether that went well. */
export function plainWorker(name: WorkerName, { provider }: Surroundings): WorkerProcess {
  return {
    actor: { name, isDead: false },
    handle: async events => expectSent(await provider.send(name, events.map(emailOf))),
  };
}

/** The choices as the library takes them. */
function optionsOf(choices: Choices): Options<Envelope> {
  const { onUncertain, onConflict, onError, onResult, onStoreError, lease, waitTimeout, storeTimeout } =
    choices;
  return {
    lease: { seconds: lease },
    onConflict,
    waitTimeout: { seconds: waitTimeout },
    onUncertain: onUncertain === "rerunWithin" ? { rerunWithin: "1m" } : onUncertain,
    onError: onError === "default" ? undefined : () => onError,
    onResult: envelope => (envelope.error === null ? "complete" : onResult),
    onStoreError,
    storeTimeout: { seconds: storeTimeout },
  };
}

/** What the workers with the wrapper share: the store and the network to it. */
export interface Shared {
  store: IdempotencyStore;
  network: Network;
  form: IdempotencySettings;
  choices: Choices;
}

/** The same worker with the wrapper around its request. */
export function wrappedWorker(name: WorkerName, around: Surroundings, shared: Shared): WorkerProcess {
  const { time, provider, tell } = around;
  const { form, choices } = shared;
  const actor: Actor = { name, isDead: false };
  const store = networkStore(shared.store, time, shared.network, actor, (operation, key) => {
    tell({ type: "asked", worker: name, key, operation });
  });
  const idempotency = createIdempotency({ ...optionsOf(choices), store });

  const listener = (delivery: number) => (event: PlainEvent) => {
    const plain: PlainEvent = JSON.parse(JSON.stringify(event));
    tell({ type: "event", delivery, worker: name, key: event.key, event: plain });
  };

  const one = async (data: EventData, delivery: number) => {
    const send = async ({ idempotencyKey }: Execution) =>
      (await provider.send(name, [emailOf(data)], [idempotencyKey]))[0]!;
    const options = { onEvent: listener(delivery) as Options["onEvent"] };
    expectSent([await idempotency.withIdempotency(form.keyFor(data), form.ttl, send, options)]);
  };

  return {
    actor,
    handle: (events, delivery) =>
      events.length === 1
        ? one(events[0]!, delivery)
        : many(idempotency, around, form, name, events, listener(delivery)),
  };
}

/** A batch: one key for each user, and one request for all who have none yet. */
async function many(
  idempotency: Idempotency,
  { provider }: Surroundings,
  form: IdempotencySettings,
  name: WorkerName,
  events: readonly EventData[],
  onEvent: (event: PlainEvent) => void,
): Promise<void> {
  const config = { key: form.keyFor, ttl: form.ttl, onEvent: onEvent as Options["onEvent"] };
  const outcomes = await idempotency.executeMany(events, config, async (items, { idempotencyKeys }) => {
    const envelopes = await provider.send(name, items.map(emailOf), idempotencyKeys);
    return envelopes.map(envelope =>
      envelope.error === null
        ? envelope
        : new DeliveryError(String(envelope.error.status), envelope.error.message),
    );
  });
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** The code by which the sender hears of a failure. */
export function codeOf(error: unknown): { code: string; message: string } {
  if (isIdempotencyError(error)) return { code: error.code, message: error.message };
  const { code = "ERROR", message = "" } = Object(error) as { code?: string; message?: string };
  return { code, message };
}
