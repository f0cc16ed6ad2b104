import type { IdempotencyStore } from "../../../src/contract/store.ts";
import type { HistoryEvent, Operation, StoreEvent } from "../history/events.ts";
import type { Fault, Plan } from "./plan.ts";
import { hash } from "./random.ts";
import type { Actor, World } from "./world.ts";

const OPERATIONS = ["claim", "renew", "complete", "release", "read", "settle", "reopen", "forget"] as const;

/** The store's side, and the ways to it. */
export interface Network {
  readonly world: World;
  readonly plan: Plan;
  readonly server: IdempotencyStore;
  readonly faults: readonly MessageFaultPlan[];
  /** How many messages have been sent, and how many of them were of many operations. */
  messages: number;
  messagesOfMany: number;
  /** While it is down it refuses; what was under way is cut off. */
  isDown: boolean;
  /** Counts the starts of the store. */
  epoch: number;
  /** Those whose messages vanish, both ways. */
  readonly cutOff: Set<Actor>;
  /** What the provider knows, by the key that it was given, and who may still be at work on it. */
  readonly provider: Map<string, Sending[]>;
  record(event: HistoryEvent): void;
  /** Told when a fault strikes. */
  struck(kind: string): void;
}

/** A run of `fn`, as the provider sees it. */
interface Sending {
  readonly by: string;
  readonly actor: Actor;
  isOver: boolean;
  hasHappened: boolean;
}

type Ask = (...args: never[]) => unknown;

/** One operation of a message. */
type Part = readonly unknown[];

/** A message: one operation, or one on many keys, each done by itself. */
interface Message {
  readonly operation: Operation;
  readonly parts: readonly Part[];
  /** What of many fails alone: whether it is done all the same. Undefined where it does not fail. */
  failureOf(part: number): "undone" | "done" | undefined;
  readonly isMany: boolean;
}

const alone = (operation: Operation, args: Part): Message => ({
  operation,
  parts: [args],
  failureOf: () => undefined,
  isMany: false,
});

/** What the store makes of a message. */
function applyAll(
  network: Network,
  actor: Actor,
  { operation, parts, failureOf, isMany }: Message,
): () => unknown {
  if (!isMany) return apply(network, actor, operation, parts[0]!);
  const replies = parts.map((args, index) => {
    const failure = failureOf(index);
    const reply = failure === "undone" ? undefined : apply(network, actor, operation, args);
    return failure === undefined ? reply! : reset;
  });
  return () => replies.map(reply => reply());
}

/** What the store makes of a request, and whether its answer is heard is noted in the event. */
function apply(
  network: Network,
  actor: Actor,
  operation: Operation,
  args: readonly unknown[],
): () => unknown {
  const event = describe(network, actor, operation, args);
  network.record(event);
  try {
    const answer = (network.server[operation] as Ask)(...(args as never[]));
    event.answer = answer;
    return () => {
      event.heard = true;
      return answer;
    };
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function describe(
  { world }: Network,
  actor: Actor,
  operation: Operation,
  args: readonly unknown[],
): StoreEvent {
  const [key, second, third, fourth] = args as [string, never, never, never];
  const base = {
    type: "store",
    at: world.now,
    sent: world.now,
    process: actor.name,
    operation,
    key,
  } as const;
  const heard = { heard: false };
  switch (operation) {
    case "claim":
      return { ...base, ...heard, token: (second as { token: string }).token, request: second };
    case "renew":
      return { ...base, ...heard, token: second, leaseMs: third };
    case "complete":
      return { ...base, ...heard, token: second, outcome: third, ttlMs: fourth };
    case "settle":
      return { ...base, ...heard, outcome: second, ttlMs: third, seen: fourth };
    case "reopen":
    case "forget":
      return { ...base, ...heard, seen: second };
    default:
      return { ...base, ...heard, token: second };
  }
}

function recordSend({ world, record }: Network, actor: Actor, operation: Operation, args: Part) {
  const [key, second] = args as [string, string | { token?: string } | undefined];
  const isByToken = ["claim", "renew", "complete", "release"].includes(operation);
  const token = typeof second === "object" ? second.token : isByToken ? second : undefined;
  record({ type: "send", at: world.now, process: actor.name, operation, key, token });
}

const reset = () => new Error("connection reset");
const refused = () => new Error("connection refused");
type Reply = () => unknown;

/** The ways of one message, there and back. */
interface Ways {
  /** Lets the store do it after a while; hands on its reply. */
  land(ms: number, then: (reply: Reply) => void): void;
  /** Brings the reply back, unless the store or the network goes down meanwhile. */
  answer(ms: number): (reply: Reply) => void;
  fail(ms: number, error: Error): void;
}

function waysOf(
  network: Network,
  actor: Actor,
  apply: () => Reply,
  { resolve, reject }: { resolve: (answer: unknown) => void; reject: (error: unknown) => void },
): Ways {
  const { world, cutOff } = network;
  const deliver = (ms: number, reply: Reply) => {
    const arrive = () => {
      try {
        if (!cutOff.has(actor)) resolve(reply());
      } catch (error) {
        reject(error);
      }
    };
    world.after(ms, arrive, actor);
  };
  const fail = (ms: number, error: Error) =>
    deliver(ms, () => {
      throw error;
    });
  const reach = (then: (reply: Reply) => void) => {
    if (cutOff.has(actor)) return;
    if (network.isDown) fail(0, refused());
    else then(apply());
  };
  const answer = (ms: number) => (reply: Reply) => {
    const { epoch } = network;
    deliver(ms, () => {
      if (epoch !== network.epoch) throw reset();
      return reply();
    });
  };
  return { land: (ms, then) => void world.after(ms, () => reach(then)), answer, fail };
}

type MessageFaultPlan = Extract<Fault, { kind: "message" }>;

/** What becomes of a message, by the fault that strikes it. */
function go(fault: MessageFaultPlan | undefined, there: number, back: number, by: number, ways: Ways): void {
  const { land, answer, fail } = ways;
  switch (fault?.what) {
    case "request lost":
      break;
    case "refused":
      fail(there, refused());
      break;
    case "reply lost":
      land(there, () => {});
      break;
    case "reset after the request":
      land(there, () => fail(back, reset()));
      break;
    case "lands late":
      fail(there, reset());
      land(there + by, () => {});
      break;
    case "resent":
      // As clients do on their own: the first reply is lost, and the request is sent again.
      land(there, () => land(by, answer(back)));
      break;
    case "slow request":
      land(there + by, answer(back));
      break;
    default:
      land(there, answer(back + by));
      break;
  }
}

/** A store that is reached over the network. Each way of a message takes its time. */
export function remoteStore(network: Network, actor: Actor, index: number): IdempotencyStore {
  const { plan } = network;
  let sent = 0;
  const claimed = new Set<string>();
  const isRepeated = ({ operation, parts }: Message) => {
    if (operation !== "claim") return false;
    const before = claimed.size;
    for (const [, request] of parts) claimed.add((request as { token: string }).token);
    return claimed.size < before + parts.length;
  };
  const latency = () => {
    const share = hash(plan.seed, 7, index, sent++) / 2 ** 32;
    return Math.floor(share * share * (plan.latencyMs + 1));
  };
  return storeOf(network, actor, given => {
    const { message, fault } = struck(network, actor, given);
    const [there, back] = [latency(), latency()];
    // What comes again later than a whole window would begin the next one, which no store can tell.
    const isCopied = isRepeated(message) || fault?.what === "lands late" || fault?.what === "resent";
    const by = Math.min(
      fault?.byMs ?? 0,
      isCopied ? Math.max(0, plan.ttlMs - 1 - there) : Number.POSITIVE_INFINITY,
    );
    return new Promise((resolve, reject) => {
      const ways = waysOf(network, actor, () => applyAll(network, actor, message), { resolve, reject });
      go(fault, there, back, by, ways);
    });
  });
}

/** A message as it is sent, and the fault that strikes it. */
function struck(network: Network, actor: Actor, message: Message) {
  const { operation, parts, isMany } = message;
  for (const args of parts) recordSend(network, actor, operation, args);
  const nth = network.messages++;
  const nthOfMany = isMany ? network.messagesOfMany++ : undefined;
  const fault = network.faults.findLast(fault => fault.nth === (fault.ofMany ? nthOfMany : nth));
  if (fault) network.struck(isMany ? `${fault.what}, of a message of many` : fault.what);
  if (fault?.what !== "in part" || !isMany) return { message, fault };
  const failureOf = (part: number) =>
    (["undone", "done", undefined] as const)[hash(network.plan.seed, 9, nth, part) % 3];
  return { message: { ...message, failureOf }, fault: undefined };
}

function storeOf(network: Network, actor: Actor, ask: (message: Message) => unknown): IdempotencyStore {
  const operations = OPERATIONS.map(operation => [
    operation,
    (...args: unknown[]) => ask(alone(operation, args)),
  ]);
  const store = {
    ...(Object.fromEntries(operations) as IdempotencyStore),
    ...(network.plan.hasMany && manyOf(ask)),
  };
  // A listing is no operation on a key: what it found may be past by the time that it is read.
  const list: IdempotencyStore["list"] = query => network.server.list!(query);
  if (!network.plan.hints) return { ...store, list };
  return { ...store, list, settled: (key, signal) => hint(network, actor, key, signal) };
}

type ManyOperations = Pick<IdempotencyStore, "claimMany" | "renewMany" | "completeMany" | "releaseMany">;

/** B6: one message for many keys. */
function manyOf(ask: (message: Message) => unknown): ManyOperations {
  const send = (operation: Operation, parts: readonly Part[]) =>
    ask({ ...alone(operation, []), parts, isMany: true }) as never;
  return {
    claimMany: items =>
      send(
        "claim",
        items.map(({ key, request }) => [key, request]),
      ),
    renewMany: items =>
      send(
        "renew",
        items.map(({ key, token, leaseMs }) => [key, token, leaseMs]),
      ),
    completeMany: items =>
      send(
        "complete",
        items.map(({ key, token, outcome, ttlMs }) => [key, token, outcome, ttlMs]),
      ),
    releaseMany: items =>
      send(
        "release",
        items.map(({ key, token }) => [key, token]),
      ),
  };
}

/** The store's hint comes as any message does, and to nobody where the process has died. */
function hint({ world, server }: Network, actor: Actor, key: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    server.settled!(key, signal).then(() => world.after(1, resolve, actor));
  });
}

/** A store in the process itself, which answers at once, and fails where a fault says so. */
export function localStore(network: Network, actor: Actor): IdempotencyStore {
  return storeOf(network, actor, given => {
    const { message, fault } = struck(network, actor, given);
    if (network.isDown || fault?.what === "refused") throw refused();
    const reply = applyAll(network, actor, message);
    if (fault?.what === "reset after the request") throw reset();
    return reply();
  });
}
