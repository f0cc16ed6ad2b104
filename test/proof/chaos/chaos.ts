import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Kennel, openKennel } from "../../support/servers/process.ts";
import { readHistories } from "../history/events.ts";
import { timeline } from "../simulation/timeline.ts";
import { judge, type Verdict } from "./assemble.ts";
import { startBackend } from "./backends.ts";
import { planFaults } from "./faults.ts";
import { startEffects, startFleet, type Worker, type Yard } from "./fleet.ts";
import { groupBy } from "./group.ts";
import { type Line, monotonicMs, openJournal } from "./journal.ts";
import { unleash } from "./nemesis.ts";
import { bundle } from "./program.ts";

import type { Settings } from "./settings.ts";
import { asItHappened, count, type Tally } from "./tally.ts";

/** What came of a run of chaos. */
export interface Outcome extends Verdict {
  about: string;
  lines: Line[];
  tally: Tally;
}

/** Starts everything, lets it go wrong for a while, lets it come to an end, and checks what happened. */
export async function chaos(settings: Settings): Promise<Outcome> {
  const kennel = await openKennel("chaos", "KILL");
  const closing: (() => Promise<unknown>)[] = [() => kennel.close()];
  try {
    const yard = await openYard(settings, kennel, closing);
    const workers = await startFleet(yard);
    closing.push(() => Promise.all(workers.map(worker => worker.close())));
    const done = await unleash(planFaults(settings), workers, yard);
    await comeToAnEnd(workers, yard, settings);
    const lines = await readAll(yard.dir);
    const verdict = settings.peer === undefined ? judge(lines) : NOT_JUDGED;
    const { about } = yard.backend;
    return { about, lines, ...verdict, tally: count(lines, verdict, done) };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function openYard(
  settings: Settings,
  kennel: Kennel,
  closing: (() => Promise<unknown>)[],
): Promise<Yard> {
  const base = monotonicMs();
  const dir = join(kennel.dir, "journals");
  await mkdir(dir);
  const programs = await bundle(kennel.dir, settings.mutant);
  const backend = await startBackend(settings.store);
  closing.push(() => backend.stop());
  const effects = await startEffects(kennel, programs, join(dir, "effects.jsonl"), base);
  closing.push(() => effects.stop());
  const journal = openJournal(join(dir, "driver.jsonl"), "driver", base);
  return { settings, backend, base, dir, programs, effects: effects.port, journal };
}

const CALM_MS = 1_000;
/** The longest window, with its lease. */
const WINDOW_MS = 9_000;

async function comeToAnEnd(
  workers: readonly Worker[],
  { backend, journal }: Yard,
  settings: Settings,
): Promise<void> {
  await sleep(CALM_MS);
  await Promise.all(workers.map(worker => worker.finish()));
  // Others may wait without end; that is counted.
  if (settings.peer !== undefined) return;
  for (const worker of workers) {
    if (worker.complaint !== undefined)
      throw new Error(`${worker.name} did not end well:\n${worker.complaint}`);
  }
  await sleep(WINDOW_MS);
  journal.write({ type: "left", process: "store", records: await backend.left() });
}

// What is another package's own to promise is only counted.
const NOT_JUDGED: Verdict = { histories: new Map(), violations: [] };

async function readAll(dir: string): Promise<Line[]> {
  const files = await readdir(dir);
  return readHistories(files.map(file => join(dir, file))) as Line[];
}

/** How much of a key's timeline is shown before and after what was broken. */
const BEFORE_MS = 10_000;
const AFTER_MS = 2_000;
const MOST_SHOWN = 10;

/** What was broken, by keys, each with what happened to the key around it. */
export function complaints({ violations, histories }: Verdict): string {
  const byKey = groupBy(violations, ({ key }) => key);
  return [...byKey]
    .slice(0, MOST_SHOWN)
    .map(([key, broken]) => {
      const times = broken.map(({ at }) => at);
      const [from, to] = [Math.min(...times) - BEFORE_MS, Math.max(...times) + AFTER_MS];
      const events = (histories.get(key ?? "") ?? []).filter(({ at }) => at >= from && at <= to);
      const rounded = broken.map(violation => ({ ...violation, at: Math.round(violation.at) }));
      return `── ${key ?? "all keys"}\n${timeline(asItHappened(events), rounded)}`;
    })
    .join("\n\n");
}
