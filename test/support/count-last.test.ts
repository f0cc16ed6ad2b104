import { expect, it } from "vitest";
import { CountLast } from "./count-last.ts";

/** What a run without tests prints, by a reporter that is asked in vitest's order. */
function printed({ coverage }: { coverage: boolean }): string[] {
  const lines: string[] = [];
  const logger = {
    printBanner() {},
    log: (text: string) => lines.push(text.trim()),
    printNoTestFound: () => lines.push("the count"),
  };
  const reporter = new CountLast({ summary: false, silent: false });
  reporter.ctx = { config: { coverage: { enabled: coverage } }, logger } as unknown as typeof reporter.ctx;
  reporter.onTestRunEnd([], [], "passed");
  const share = { covered: 9, total: 10, pct: 90 };
  const summary = { statements: share, branches: share, functions: share, lines: share };
  if (coverage) reporter.onCoverage({ getCoverageSummary: () => summary });
  return lines;
}

it("the count of the tests comes after the coverage", () => {
  const [line, ...count] = printed({ coverage: true });
  expect(line).toContain("90 % of 10 branches");
  expect(count).toEqual(["the count"]);
});

it("the count comes at once without coverage", () => {
  expect(printed({ coverage: false })).toEqual(["the count"]);
});
