import { Unobtainable } from "../../support/servers/packages.ts";
import type { Result } from "./portable/perform.ts";

/** What came of one runtime or compiler in one way of using it. */
export interface Line {
  /** With its version, as it says itself. */
  runtime: string;
  how: string;
  passed: number;
  failures: Result[];
  /** Why it is not to be had, where it is not. */
  missing?: string;
}

/** One way of using a runtime, and the checks that it must report on. */
export interface Run {
  runtime: string;
  how: string;
  results: Result[];
  expected: readonly string[];
}

/** What came of one runtime: a failure where a check failed, was left out, or is none of ours. */
export async function linesOf(name: string, run: () => Promise<Run[]>): Promise<Line[]> {
  try {
    return (await run()).map(judge);
  } catch (error) {
    const none = { runtime: name, how: "–", passed: 0, failures: [] };
    if (error instanceof Unobtainable) return [{ ...none, missing: error.message }];
    return [{ ...none, failures: [{ name: "reports", error: String(error) }] }];
  }
}

function judge({ runtime, how, results, expected }: Run): Line {
  const failures = results.filter(({ error }) => error !== undefined);
  const times = new Map(expected.map(name => [name, 0]));
  for (const { name } of results) times.set(name, (times.get(name) ?? 1) + 1);
  for (const [name, count] of times) {
    if (count === 0) failures.push({ name, error: "was not run" });
    if (count > 1) failures.push({ name, error: "was run too often, or unasked" });
  }
  const failed = new Set(failures.map(({ name }) => name));
  return { runtime, how, passed: expected.filter(name => !failed.has(name)).length, failures };
}

/** One line for one runtime, and one more for each failure. */
export function lineOf({ runtime, how, passed, failures, missing }: Line): string {
  if (missing !== undefined) return `SKIPPED ${runtime}: not to be had here: ${missing}`;
  const details = failures.map(
    ({ name, error }) => `\n    ${name}\n      ${error?.replaceAll("\n", "\n      ")}`,
  );
  return `${failures.length === 0 ? "ok     " : "FAILED "} ${runtime}, ${how}: ${passed} passed, ${failures.length} failed${details.join("")}`;
}

const pad = (cells: readonly string[], widths: readonly number[]) =>
  `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;

/** All that came of it, as a table, and loudly what is not to be had. */
export function table(lines: readonly Line[], seconds: number): string {
  const rows = lines.map(({ runtime, how, passed, failures, missing }) =>
    missing === undefined
      ? [runtime, how, `${passed}`, `${failures.length}`]
      : [runtime, how, "skipped", "–"],
  );
  const all = [["runtime", "how", "passed", "failed"], ...rows];
  const widths = [0, 1, 2, 3].map(column => Math.max(...all.map(cells => cells[column]!.length)));
  const [head, ...body] = all.map(cells => pad(cells, widths));
  const rule = `|${widths.map(width => "-".repeat(width + 2)).join("|")}|`;
  return ["", head, rule, ...body, "", ...notices(lines), total(lines, seconds)].join("\n");
}

const notices = (lines: readonly Line[]) =>
  lines.flatMap(({ runtime, missing }) =>
    missing === undefined ? [] : [`!!! ${runtime} WAS NOT TESTED: ${missing}`],
  );

function total(lines: readonly Line[], seconds: number): string {
  const sum = (of: (line: Line) => number) => lines.reduce((count, line) => count + of(line), 0);
  const [passed, failed] = [sum(line => line.passed), sum(line => line.failures.length)];
  const skipped = lines.filter(({ missing }) => missing !== undefined).length;
  return `Runtimes: ${passed} passed, ${failed} failed, ${skipped} runtimes skipped, in ${Math.round(seconds)} s`;
}
