import type { SerializedError } from "vitest";
import { DefaultReporter, type TestModule, type TestRunEndReason } from "vitest/node";

/** What is used here of istanbul's map of the coverage. */
interface Coverage {
  getCoverageSummary(): Record<"statements" | "branches" | "functions" | "lines", Share>;
}

interface Share {
  covered: number;
  total: number;
  pct: number;
}

type End = [readonly TestModule[], readonly SerializedError[], TestRunEndReason];

/** vitest's own reporter, which says the coverage in one line, before the count of the tests and not after it. */
export class CountLast extends DefaultReporter {
  #end: End | undefined;

  override onTestRunEnd(...end: End): void {
    this.#end = end;
    if (!this.ctx.config.coverage.enabled) this.#count();
  }

  onCoverage(coverage: unknown): void {
    const summary = (coverage as Coverage).getCoverageSummary();
    const shares = (["statements", "branches", "functions", "lines"] as const).map(
      what => `${summary[what].pct} % of ${summary[what].total} ${what}`,
    );
    this.log(`\n  Coverage  ${shares.join(", ")}; by file: coverage/index.html`);
    this.#count();
  }

  #count(): void {
    if (this.#end !== undefined) super.onTestRunEnd(...this.#end);
    this.#end = undefined;
  }
}
