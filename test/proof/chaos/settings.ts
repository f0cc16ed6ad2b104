/** The stores that chaos is made for. */
export const STORES = ["redis", "postgres", "mysql", "sqlite", "dynamodb"] as const;
export type StoreName = (typeof STORES)[number];

/** What calls do with a key whose outcome is unknown; mixed: some the one, some the other. */
export const POLICIES = ["reject", "rerun", "mixed"] as const;
export type Policy = (typeof POLICIES)[number];

/** What a run of chaos is made of. The seed gives the same faults and the same calls, and never the same interleaving. */
export interface Settings {
  store: StoreName;
  policy: Policy;
  seconds: number;
  seed: number;
  workers: number;
  /** Calls that each worker makes in a second, on the average. */
  rate: number;
  /** A protection that is taken out: see mutants.ts. */
  mutant?: string | undefined;
  /** Another package in place of this one: see peers. */
  peer?: string | undefined;
}

export const DEFAULTS: Settings = {
  store: "redis",
  policy: "reject",
  seconds: 60,
  seed: 1,
  workers: 4,
  rate: 8,
};

/** Reads `--store redis --minutes 1 --seed 1 --policy reject --workers 4 --rate 8 --mutant NAME --peer NAME`. */
export function readSettings(args: readonly string[]): Settings {
  const settings = { ...DEFAULTS };
  for (let i = 0; i < args.length; i += 2) {
    const [name, value] = [args[i]!, args[i + 1] ?? ""];
    const read = READERS[name.replace(/^--/, "")];
    if (read === undefined)
      throw new Error(`expected one of --${Object.keys(READERS).join(", --")}; got ${name}`);
    Object.assign(settings, read(name, value));
  }
  return settings;
}

type Reader = (name: string, value: string) => Partial<Settings>;

const READERS: Record<string, Reader> = {
  store: (name, value) => ({ store: oneOf(name, STORES, value) }),
  policy: (name, value) => ({ policy: oneOf(name, POLICIES, value) }),
  minutes: (name, value) => ({ seconds: 60 * number(name, value) }),
  seconds: (name, value) => ({ seconds: number(name, value) }),
  seed: (name, value) => ({ seed: number(name, value) }),
  workers: (name, value) => ({ workers: number(name, value) }),
  rate: (name, value) => ({ rate: number(name, value) }),
  mutant: (_, value) => ({ mutant: value }),
  peer: (_, value) => ({ peer: value }),
};

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  const found = allowed.find(each => each === value);
  if (found === undefined) throw new Error(`${name}: expected ${allowed.join(", ")}; got ${value}`);
  return found;
}

function number(name: string, value: string): number {
  const read = Number(value);
  if (!(read > 0)) throw new Error(`${name}: expected a number above 0; got ${value}`);
  return read;
}
