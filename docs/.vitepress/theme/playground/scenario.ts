/** What goes wrong. */
export const FAULTS = [
  "ack-lost",
  "cut",
  "killed",
  "slow",
  "twice",
  "envelope",
  "batch",
  "store-down",
] as const;
export type FaultName = (typeof FAULTS)[number];

export const UNITS = ["seconds", "minutes", "hours", "days"] as const;
type TimeUnit = (typeof UNITS)[number];

/** The tab "Idempotency" of a workflow builder's node, as its user fills it in. */
export interface KeyForm {
  key: string;
  time: number;
  unit: TimeUnit;
}

/** The choices beside the key. Times are in seconds. */
export interface Choices {
  onUncertain: "reject" | "rerun" | "rerunWithin";
  onConflict: "wait" | "reject";
  onError: "default" | "release" | "hold" | "store";
  onResult: "complete" | "release" | "hold";
  onStoreError: "throw" | "run";
  lease: number;
  waitTimeout: number;
  storeTimeout: number;
  /** Whether the provider knows an idempotency key that it has seen before. */
  providerRemembers: boolean;
  /** When the worker is killed: before or after the request has reached the provider. */
  killed: "before" | "after";
}

/** All that a run of the playground depends on. */
export interface Scenario {
  fault: FaultName;
  form: KeyForm;
  choices: Choices;
}

export const DEFAULT_SCENARIO: Scenario = {
  fault: "ack-lost",
  form: { key: "order-shipped:{{order.id}}:{{user.id}}", time: 5, unit: "minutes" },
  choices: {
    onUncertain: "reject",
    onConflict: "wait",
    onError: "default",
    onResult: "release",
    onStoreError: "throw",
    lease: 8,
    waitTimeout: 35,
    storeTimeout: 2,
    providerRemembers: false,
    killed: "after",
  },
};

/** The data of one event, of which the key is made. */
export interface EventData {
  order: { id: number; status: string };
  user: { id: string; email: string };
}

const eventFor = (id: string): EventData => ({
  order: { id: 1041, status: "shipped" },
  user: { id, email: `${id}@example.com` },
});

/** What is sent: one event, or in a batch one for each user. */
export function eventsOf(fault: FaultName): EventData[] {
  return (fault === "batch" ? ["mira", "noor", "sam", "ana"] : ["mira"]).map(eventFor);
}

export interface FaultText {
  label: string;
  story: string;
  /** The choices that change what comes of it. */
  matters: readonly (keyof Choices)[];
}

export const FAULT_TEXTS: Readonly<Record<FaultName, FaultText>> = {
  "ack-lost": {
    label: "Acknowledgement lost",
    story: "The email goes out, but the sender never learns that it is done, and delivers the event again.",
    matters: [],
  },
  cut: {
    label: "Provider’s answer lost",
    story: "The provider takes the request, and the connection breaks before its answer arrives.",
    matters: ["onUncertain", "onError", "providerRemembers"],
  },
  killed: {
    label: "Worker killed",
    story: "Worker A dies in the middle of sending, after it began and before it could save that it had.",
    matters: ["onUncertain", "killed", "providerRemembers", "lease", "waitTimeout"],
  },
  slow: {
    label: "Slow provider",
    story:
      "The provider takes longer than the sender waits, so a second delivery meets the first, still running.",
    matters: ["onConflict", "waitTimeout", "lease"],
  },
  twice: {
    label: "Two at once",
    story: "The same event reaches both workers at the same moment.",
    matters: ["onConflict", "waitTimeout"],
  },
  envelope: {
    label: "Error envelope",
    story:
      "The provider’s client returns its first failure as { error } and throws nothing. Later the sender misses an acknowledgement.",
    matters: ["onResult", "onUncertain"],
  },
  batch: {
    label: "Batch",
    story:
      "Four users in one batch call. The provider fails for one of them, and the sender delivers all four again.",
    matters: [],
  },
  "store-down": {
    label: "Store unreachable",
    story: "The store does not answer for four seconds. Later the sender misses an acknowledgement.",
    matters: ["onStoreError", "storeTimeout"],
  },
};

/** The scenario with the choices that its fault does not show left at their defaults. */
export function effective({ fault, form, choices }: Scenario): Scenario {
  const shown = FAULT_TEXTS[fault].matters.map(name => [name, choices[name]]);
  return { fault, form, choices: { ...DEFAULT_SCENARIO.choices, ...Object.fromEntries(shown) } };
}

interface SelectChoice {
  label: string;
  hint: string;
  options: readonly { value: string; label: string }[];
}
interface NumberChoice {
  label: string;
  hint: string;
  min: number;
  max: number;
}

const named = (...values: string[]) => values.map(value => ({ value, label: value }));

/** Each choice as a form shows it. */
export const SELECTS: Readonly<
  Record<"onUncertain" | "onConflict" | "onError" | "onResult" | "onStoreError" | "killed", SelectChoice>
> = {
  onUncertain: {
    label: "onUncertain",
    hint: "What a call does if nobody knows whether the email went out",
    options: [
      { value: "reject", label: "reject (default)" },
      { value: "rerun", label: "rerun" },
      { value: "rerunWithin", label: '{ rerunWithin: "1m" }' },
    ],
  },
  onConflict: {
    label: "onConflict",
    hint: "What a call does while another holds the key",
    options: [
      { value: "wait", label: "wait (default)" },
      { value: "reject", label: "reject" },
    ],
  },
  onError: {
    label: "onError",
    hint: "What an error does to the key; the default holds it if the request may have arrived",
    options: [{ value: "default", label: "default" }, ...named("release", "hold", "store")],
  },
  onResult: {
    label: "onResult of { error }",
    hint: "What a returned error does to the key",
    options: [
      { value: "release", label: "release" },
      { value: "complete", label: "complete (default)" },
      ...named("hold"),
    ],
  },
  onStoreError: {
    label: "onStoreError",
    hint: "What a call does if its claim cannot be made",
    options: [
      { value: "throw", label: "throw (default)" },
      { value: "run", label: "run unprotected" },
    ],
  },
  killed: {
    label: "The kill comes",
    hint: "The workers cannot tell which of the two it was",
    options: [
      { value: "after", label: "after the provider has the request" },
      { value: "before", label: "before the request arrives" },
    ],
  },
};

export const NUMBERS: Readonly<Record<"lease" | "waitTimeout" | "storeTimeout", NumberChoice>> = {
  lease: {
    label: "lease",
    hint: "Seconds a claim lasts if its worker goes silent (default 30)",
    min: 2,
    max: 60,
  },
  waitTimeout: {
    label: "waitTimeout",
    hint: "Seconds a call waits for another’s result (default 35)",
    min: 0,
    max: 60,
  },
  storeTimeout: {
    label: "storeTimeout",
    hint: "Seconds to wait for one store operation (default 5)",
    min: 1,
    max: 60,
  },
};
