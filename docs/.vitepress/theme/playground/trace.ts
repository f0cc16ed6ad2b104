import type { IdempotencyEvent, StoreRecord } from "./library.ts";
import type { Asked } from "./network-store.ts";

/** One half of the simulation: the same workers and the same fault, with the wrapper or without it. */
export type Side = "with" | "without";
export type WorkerName = "A" | "B";

/** An event of the library, as JSON has it. */
export type PlainEvent = IdempotencyEvent & { error?: { name?: string; message?: string; code?: string } };

/** What happened, as plain data. */
type Happening =
  /** The sender hands its event to a worker. */
  | { type: "delivered"; delivery: number; worker: WorkerName }
  /** The sender hears that it is done; or would have, had the word not been lost. */
  | { type: "acknowledged"; delivery: number; worker: WorkerName; lost: boolean }
  /** The sender hears that it went wrong. */
  | { type: "failed"; delivery: number; worker: WorkerName; code: string; message: string }
  /** The sender has heard nothing for as long as it waits. */
  | { type: "unheard"; delivery: number; worker: WorkerName }
  /** The sender stops, and leaves the event to a person. */
  | { type: "parked"; code: string }
  /** A worker begins with a delivery. */
  | { type: "called"; delivery: number; worker: WorkerName }
  /** What the wrapper says of that call, by `onEvent`. */
  | { type: "event"; delivery: number; worker: WorkerName; key: string; event: PlainEvent }
  /** A worker asks its store about a key. */
  | { type: "asked"; worker: WorkerName; key: string; operation: Asked }
  /** A worker's request to the provider is on its way. */
  | { type: "requested"; worker: WorkerName; request: number; to: string[] }
  /** The provider accepts an email: it is in the mailbox. */
  | { type: "arrived"; worker: WorkerName; request: number; to: string; idempotencyKey: string | undefined }
  /** The provider knows the idempotency key, and accepts nothing again. */
  | { type: "recognised"; worker: WorkerName; request: number; to: string; idempotencyKey: string }
  /** The worker has the provider's answer, or the error in its place. */
  | { type: "answered"; worker: WorkerName; request: number; answer: "ok" | "error" | "cut" | "partly" }
  | { type: "killed"; worker: WorkerName }
  | { type: "restarted"; worker: WorkerName }
  | { type: "store-lost" }
  | { type: "store-back" }
  /** What the store has of a key now. Times are since the simulation began. */
  | {
      type: "key";
      key: string;
      state: StoreRecord["status"] | "absent";
      leaseEnd: number | undefined;
      expiry: number | undefined;
    };

export type TraceEntry = Happening & { at: number; side: Side };

export type Tell = (happening: Happening) => void;

/** An email in the mailbox. */
export interface Message {
  at: number;
  to: string;
  worker: WorkerName;
  request: number;
  idempotencyKey: string | undefined;
}
