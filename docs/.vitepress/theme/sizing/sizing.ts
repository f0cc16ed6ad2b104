// The arithmetic of docs/sizing.md, which shows the same as a sample. A test compares the two.

/** What an application asks of its store. */
export interface Load {
  keysPerDay: number;
  ttlHours: number;
  resultBytes: number;
  /** How many replays a key gets, on average. */
  replays: number;
  /** How much busier the busiest second is than the average one. */
  peak: number;
}

export interface Store {
  name: string;
  recordBytes: number;
  firstPerSecond: number;
  replaysPerSecond: number;
  /** What a node may keep. */
  nodeGB: number;
}

export const STORES: readonly Store[] = [
  { name: "memory", recordBytes: 300, firstPerSecond: 194_585, replaysPerSecond: 390_267, nodeGB: 2 },
  { name: "Redis", recordBytes: 210, firstPerSecond: 13_794, replaysPerSecond: 22_324, nodeGB: 16 },
  { name: "PostgreSQL", recordBytes: 440, firstPerSecond: 4_175, replaysPerSecond: 16_238, nodeGB: 500 },
  { name: "SQLite", recordBytes: 175, firstPerSecond: 2_600, replaysPerSecond: 19_531, nodeGB: 100 },
];

// Of what a node was measured to do.
const USED = 0.5;

export function size(load: Load, store: Store) {
  const alive = (load.keysPerDay * load.ttlHours) / 24;
  const gigabytes = (alive * (store.recordBytes + load.resultBytes)) / 1e9;
  const first = (load.keysPerDay / 86_400) * load.peak;
  const replays = first * load.replays;
  const busy = first / store.firstPerSecond + replays / store.replaysPerSecond;
  const nodes = Math.max(1, Math.ceil(Math.max(busy / USED, gigabytes / store.nodeGB)));
  return { gigabytes, first, replays, nodes };
}

export const count = (value: number) => Math.round(value).toLocaleString("en-US");
export const bytes = (gigabytes: number) =>
  gigabytes < 1 ? `${count(gigabytes * 1000)} MB` : `${count(gigabytes)} GB`;

/** A field of the calculator: what it asks for, and which numbers it takes. */
export interface Field {
  name: keyof Load;
  label: string;
  min: number;
  max: number;
}

export const FIELDS: readonly Field[] = [
  { name: "keysPerDay", label: "Keys a day", min: 1, max: 1e13 },
  { name: "ttlHours", label: "ttl in hours", min: 1 / 3_600, max: 24 },
  { name: "resultBytes", label: "Bytes of a result", min: 0, max: 1e8 },
  { name: "replays", label: "Replays of a key", min: 0, max: 1e6 },
  { name: "peak", label: "Busiest second, × the average", min: 1, max: 1e6 },
];

export const START: Load = { keysPerDay: 1e6, ttlHours: 24, resultBytes: 100, replays: 0.1, peak: 5 };

/** What a field's text says, or undefined where that is no number that it takes. */
export function readField({ min, max }: Field, text: string): number | undefined {
  const number = Number(text.replaceAll(",", "").replaceAll("_", ""));
  return text.trim() !== "" && number >= min && number <= max ? number : undefined;
}
