import {
  type Choices,
  DEFAULT_SCENARIO,
  FAULTS,
  type KeyForm,
  NUMBERS,
  type Scenario,
  SELECTS,
  UNITS,
} from "./scenario.ts";

/** What the page's address holds: the scenario, and the code where the reader has changed it. */
export interface Shared {
  scenario: Scenario;
  code: string | undefined;
}

const LONGEST_KEY = 500;
const LONGEST_CODE = 20_000;
const LONGEST_HASH = 64_000;

/** The state as the part of an address behind `#`: only what differs from the defaults. */
export function toHash({ scenario, code }: Shared): string {
  const flat = flatten(scenario);
  const standard = flatten(DEFAULT_SCENARIO);
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(flat)) {
    if (value !== standard[name]) params.set(name, value);
  }
  if (code !== undefined) params.set("code", code);
  return params.toString();
}

function flatten({ fault, form, choices }: Scenario): Record<string, string> {
  const all = { fault, ...form, ...choices };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)]));
}

/**
 * The state that a hash stands for. A hash may come from anybody: what is not one of the known values, and a hash that
 * cannot be read, counts as not given.
 */
export function fromHash(hash: string): Shared {
  const params = read(hash);
  const { form, choices } = DEFAULT_SCENARIO;
  return {
    scenario: {
      fault: oneOf(FAULTS, params.get("fault")) ?? DEFAULT_SCENARIO.fault,
      form: readKeyForm(params, form),
      choices: readChoices(params, choices),
    },
    code: textOf(params.get("code"), LONGEST_CODE),
  };
}

function read(hash: string): URLSearchParams {
  const text = hash.startsWith("#") ? hash.slice(1) : hash;
  return new URLSearchParams(text.length > LONGEST_HASH ? "" : text);
}

function readKeyForm(params: URLSearchParams, standard: KeyForm): KeyForm {
  return {
    key: textOf(params.get("key"), LONGEST_KEY) ?? standard.key,
    time: numberOf(params.get("time"), 0, 1_000_000) ?? standard.time,
    unit: oneOf(UNITS, params.get("unit")) ?? standard.unit,
  };
}

function readChoices(params: URLSearchParams, standard: Choices): Choices {
  const choices: Record<string, string | number | boolean> = { ...standard };
  for (const [name, { options }] of Object.entries(SELECTS)) {
    const values = options.map(({ value }) => value);
    choices[name] = oneOf(values, params.get(name)) ?? choices[name]!;
  }
  for (const [name, { min, max }] of Object.entries(NUMBERS)) {
    choices[name] = numberOf(params.get(name), min, max) ?? choices[name]!;
  }
  const remembers = oneOf(["true", "false"], params.get("providerRemembers"));
  if (remembers !== undefined) choices["providerRemembers"] = remembers === "true";
  // Each was checked against what its form offers.
  return choices as unknown as Choices;
}

function oneOf<T extends string>(values: readonly T[], text: string | null): T | undefined {
  return values.find(value => value === text);
}

function textOf(text: string | null, longest: number): string | undefined {
  return text !== null && text.length <= longest && text.isWellFormed() ? text : undefined;
}

function numberOf(text: string | null, min: number, max: number): number | undefined {
  if (text === null || !/^\d{1,7}(\.\d{1,6})?$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}
