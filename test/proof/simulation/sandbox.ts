import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import type { Random } from "./random.ts";
import type { Actor, Task, World } from "./world.ts";

const SOURCE = new URL("../../../src/", import.meta.url);
const requirePackage = createRequire(import.meta.url);

/** Changes a source file before it is compiled. */
export type Transform = (path: string, source: string) => string;

type Exports = Record<string, unknown>;
type Factory = (exports: Exports, require: (path: string) => unknown, ...globals: unknown[]) => void;

/** The package's source, compiled once, to be loaded any number of times: each time with globals of its own. */
export interface Program {
  load(globals: Globals): { engine: typeof import("../../../src/index.ts") };
}

/** The globals that tell time or chance, or that copies of the package would share. */
export interface Globals {
  setTimeout: unknown;
  clearTimeout: unknown;
  performance: { now(): number };
  Date: unknown;
  Math: unknown;
  crypto: unknown;
  globalThis: object;
}

const NAMES = ["setTimeout", "clearTimeout", "performance", "Date", "Math", "crypto", "globalThis"] as const;
const ENTRY = "index.ts";

/** Compiles what the root entry imports. */
export function compile(transform: Transform = (_, source) => source): Program {
  const factories = new Map<string, Factory>();
  const add = (path: string) => {
    if (factories.has(path)) return;
    const source = transform(path, readFileSync(new URL(path, SOURCE), "utf8"));
    const { factory, imports } = compileFile(path, source);
    factories.set(path, factory);
    for (const specifier of imports) add(resolve(path, specifier));
  };
  add(ENTRY);
  return { load: globals => ({ engine: load(factories, globals) as never }) };
}

interface Compiled {
  factory: Factory;
  imports: string[];
}

const known = new Map<string, Compiled>();

/** Compiles a file, once for each form that it is seen in. */
function compileFile(path: string, source: string): Compiled {
  const seen = known.get(path + source);
  if (seen) return seen;
  const code = transpile(path, source);
  const factory = new Function("exports", "require", ...NAMES, code) as Factory;
  const imports = [...code.matchAll(/require\("(\.[^"]+)"\)/g)].map(([, specifier]) => specifier!);
  const compiled = { factory, imports };
  known.set(path + source, compiled);
  return compiled;
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, new URL(from, "file:///")).pathname.slice(1);
}

function transpile(path: string, source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: false,
    },
  });
  return `${outputText}\n//# sourceURL=${fileURLToPath(new URL(path, SOURCE))}.js`;
}

function load(factories: ReadonlyMap<string, Factory>, globals: Globals): Exports {
  const loaded = new Map<string, Exports>();
  const values = NAMES.map(name => globals[name]);
  const get = (path: string): Exports => {
    const seen = loaded.get(path);
    if (seen) return seen;
    const exports: Exports = {};
    loaded.set(path, exports);
    const require = (specifier: string) =>
      specifier.startsWith(".") ? get(resolvedPath(path, specifier)) : requirePackage(specifier);
    factories.get(path)!(exports, require, ...values);
    return exports;
  };
  return get(ENTRY);
}

const resolved = new Map<string, string>();

function resolvedPath(from: string, specifier: string): string {
  const pair = `${from} ${specifier}`;
  const path = resolved.get(pair) ?? resolve(from, specifier);
  resolved.set(pair, path);
  return path;
}

/** What a process's clocks show besides the world's time. */
export interface Clocks {
  monotonicMs: number;
  dateMs: number;
}

const START = Date.UTC(2026, 0, 1);

/** What the platform's randomness draws from: a clone of a process draws another sequence than its original. */
export interface Entropy {
  source: Random;
}

/** Globals by which a process lives in the world's time, with clocks and random numbers of its own. */
export function globalsOf(
  world: World,
  actor: Actor,
  random: Random,
  clocks: Clocks,
  entropy: Entropy = { source: random },
): Globals {
  const setTimeout = (act: () => void, ms: number) => new Timer(world.timer(Math.ceil(ms), act, actor));
  const clearTimeout = (timer: Timer | undefined) => timer?.clear();
  const performance = { now: () => world.now + clocks.monotonicMs - actor.stoodStillMs };
  const date = fakeDate(() => START + world.now + clocks.dateMs);
  const math = Object.create(Math, { random: { value: random.next } });
  const crypto = {
    getRandomValues: (bytes: Uint8Array) => bytes.map((_, i) => (bytes[i] = entropy.source.below(256))),
  };
  const own = { setTimeout, clearTimeout, performance, Date: date, Math: math, crypto };
  return { ...own, globalThis: Object.create(globalThis, Object.getOwnPropertyDescriptors(own)) };
}

/** A timer as Node gives it, which may be let go of. */
class Timer {
  readonly #task: Task;
  constructor(task: Task) {
    this.#task = task;
  }
  clear(): void {
    this.#task.isOff = true;
  }
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
}

function fakeDate(now: () => number): unknown {
  const fake = (...args: []) => new Date(...(args.length === 0 ? ([now()] as unknown as []) : args));
  function Fake(...args: []) {
    return fake(...args);
  }
  Object.setPrototypeOf(Fake, Date);
  Fake.prototype = Date.prototype;
  return Object.assign(Fake, { now });
}
