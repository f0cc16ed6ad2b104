import { createIdempotency, memoryStore } from "../../src/index.ts";
import { faultyStore } from "../../src/testing.ts";

// What a process does that is about to have nothing more to do. Run by name, and never told to exit.
const HOUR_MS = 3_600_000;
const memory = memoryStore();
const fail = { kind: "fail", times: Number.POSITIVE_INFINITY } as const;

const instance = (store = faultyStore(memory)) => ({
  ...createIdempotency({ store, lease: "1h", waitTimeout: "1s", storeTimeout: "1s" }),
});
const print = (line: unknown) => console.log(line);
const printCode = (error: { code: string }) => print(error.code);
const held = () => memory.claim("k", { token: "other", ttlMs: HOUR_MS, leaseMs: HOUR_MS });

const SCENES: Record<string, () => unknown> = {
  "aborted waiter": () => {
    held();
    const controller = new AbortController();
    setTimeout(() => controller.abort("user left"), 50);
    const options = { signal: controller.signal, waitTimeout: "1h" } as const;
    return instance()
      .execute("k", "1h", () => 1, options)
      .catch(print);
  },
  "hanging run": () => {
    void instance().execute("k", "1h", () => new Promise(() => print("running")));
  },
  "store down": () => {
    const store = faultyStore(memory, [{ operation: "complete", ...fail }]);
    return instance(store)
      .withIdempotency("k", "1h", () => "sent")
      .then(print);
  },
  waiter: () => {
    held();
    return instance()
      .execute("k", "1h", () => 1)
      .catch(printCode);
  },
  "black hole": () => {
    const store = faultyStore(memory, [{ operation: "claim", kind: "hang" }]);
    return instance(store)
      .execute("k", "1h", () => 1)
      .catch(printCode);
  },
};

void SCENES[process.argv[2]!]!();
