import type { IdempotencyStore } from "../../contract/store.ts";
import type { Io } from "../command/io.ts";
import type { Finding } from "../doctor/finding.ts";

/** A store that the command has opened. */
export interface OpenedStore {
  /** Made when it is asked for, since a `doctor` may find what keeps one from being made. Throws what making it throws. */
  store(): IdempotencyStore | Promise<IdempotencyStore>;
  /** Removes records past their time; absent where the server does that by itself. */
  purge?: (() => Promise<number>) | undefined;
  /** Checks what the store's guide asks of its server. */
  examine(): Promise<readonly Finding[]>;
  close(): Promise<void>;
}

/** The options of the command that stand beside an address. */
export const SETTINGS = ["prefix", "table", "endpoint", "max-clock-skew"] as const;

/** What stands beside an address. */
export interface AddressSettings {
  readonly prefix: string | undefined;
  readonly table: string | undefined;
  /** Where a server is that the name in the address does not say. */
  readonly endpoint: string | undefined;
  /** How far the clocks of those who share a table may be apart, where no server's decides. */
  readonly "max-clock-skew": string | undefined;
}

/** A kind of store, and how the command gets to one. */
export interface Address {
  /** What the option's value is called in the help. */
  readonly value: string;
  readonly summary: string;
  /** The client packages, the one to be preferred first. */
  readonly clients: readonly string[];
  /** Of the settings, those that go with it. */
  readonly takes: readonly (keyof AddressSettings)[];
  open(where: string, settings: AddressSettings, io: Io): Promise<OpenedStore>;
}
