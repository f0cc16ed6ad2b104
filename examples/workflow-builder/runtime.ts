import { setTimeout as sleep } from "node:timers/promises";
import { createIdempotency, isIdempotencyError } from "with-idempotency";
import type { Message, Provider } from "./provider.ts";
import type { Node, Workflow } from "./workflow.ts";

/** What came of an event. */
export type Ended =
  | { readonly did: "sent"; readonly attempts: number; readonly message: Message }
  | { readonly did: "nothing new"; readonly message: Message }
  | { readonly did: "filtered" }
  | { readonly did: "failed"; readonly why: string };

const MAX_ATTEMPTS = 4;
const DELAY_MS = 10;

/** A value of an event by its path, for a message. */
function valueAt(event: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, name) => {
    return typeof at === "object" && at !== null && Object.hasOwn(at, name)
      ? at[name as keyof object]
      : undefined;
  }, event);
}

/** Makes what runs events through a workflow: each of its notifications once, where its tab says so. */
export function createRuntime({ start, nodes }: Workflow, provider: Provider) {
  // A service with several processes gives them a `store` that they share. The provider remembers keys, so a request
  // whose answer was lost goes out again, under the same key. A namespace for each workflow keeps their keys apart.
  const { execute } = createIdempotency({ namespace: "order-updates", onUncertain: "rerun" });

  async function notify(node: Node & { type: "notify" }, event: unknown, attempts: number): Promise<Ended> {
    const text = node.says.map(path => String(valueAt(event, path))).join(" ");
    const message = { to: String(valueAt(event, node.to)), text: `Your order ${text}` };
    if (node.idempotent === undefined) {
      await provider.send(message);
      return { did: "sent", attempts, message };
    }
    const { keyFor, ttl } = node.idempotent;
    const { replayed } = await execute(keyFor(event), ttl, ({ idempotencyKey }) =>
      provider.send(message, idempotencyKey),
    );
    return replayed ? { did: "nothing new", message } : { did: "sent", attempts, message };
  }

  /** Tries again what may succeed later; a key that the event has no values for will not. */
  async function withRetries(act: (attempts: number) => Promise<Ended>): Promise<Ended> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await act(attempts);
      } catch (error) {
        const isFinal = attempts === MAX_ATTEMPTS || isIdempotencyError(error, "INVALID_KEY");
        if (isFinal) return { did: "failed", why: (error as Error).message };
        await sleep(DELAY_MS);
      }
    }
  }

  async function runNode(node: Node, event: unknown): Promise<Ended | undefined> {
    if (node.type === "filter" && !node.oneOf.includes(valueAt(event, node.path))) return { did: "filtered" };
    return node.type === "notify" ? withRetries(attempts => notify(node, event, attempts)) : undefined;
  }

  return {
    /** Runs an event from the first node on, until one has something to say. */
    async run(event: unknown): Promise<Ended> {
      const passed = new Set<string>();
      for (let name: string | undefined = start; name !== undefined && !passed.has(name); ) {
        passed.add(name);
        const node: Node = nodes.get(name)!;
        const ended = await runNode(node, event);
        if (ended !== undefined) return ended;
        name = node.next;
      }
      return { did: "filtered" };
    },
  };
}
