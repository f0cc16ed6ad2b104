import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as errors from "../../src/contract/errors.ts";
import { ROOT } from "./child.ts";

const page = readFileSync(join(ROOT, "docs/troubleshooting.md"), "utf8");
const details = { attempt: 1, retryAfterMs: 1 };

/** An error of each code; the compiler knows whether one is missing. */
const ALL: errors.IdempotencyErrors = {
  INVALID_KEY: new errors.InvalidKeyError("m"),
  INVALID_DURATION: new errors.InvalidDurationError("INVALID_DURATION", "m"),
  DURATION_OUT_OF_RANGE: new errors.InvalidDurationError("DURATION_OUT_OF_RANGE", "m"),
  INVALID_OPTION: new errors.InvalidOptionError("m"),
  IN_PROGRESS: new errors.InProgressError("m", details),
  KEY_REUSED: new errors.KeyReusedError("m"),
  OUTCOME_UNKNOWN: new errors.OutcomeUnknownError("m", details),
  RESULT_UNAVAILABLE: new errors.ResultUnavailableError("m"),
  STORE_ERROR: new errors.StoreError("m"),
  LEASE_LOST: new errors.LeaseLostError("m"),
  REPLAYED_ERROR: new errors.ReplayedError({ name: "E", message: "m" }),
};

// A heading without punctuation has one anchor by the rules of GitHub and of documentation sites alike.
const anchorOf = (heading: string) => heading.toLowerCase().replaceAll(" ", "-");
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map(section => {
      const [heading = "", ...lines] = section.split("\n");
      return [anchorOf(heading), lines.join("\n")] as const;
    }),
);

test.each(Object.entries(ALL))(
  "%s has a section, to which its docs lead",
  (code, error: errors.IdempotencyError) => {
    expect(error.code).toBe(code);
    const [address, anchor = ""] = error.docs.split("#");
    expect(address).toBe("https://with-idempotency.github.io/with-idempotency/troubleshooting");
    const section = sections.get(anchor);
    expect(section?.trimStart().split(/[.,] /)[0]).toBe(`\`${code}\``);
    expect(section).toContain(error.name);
    expect(section).toContain("**Why it came.**");
    expect(section).toContain("**What to do.**");
  },
);

test("each section is of a code, and its heading needs no rule for punctuation", () => {
  const anchors = Object.values(ALL).map((error: errors.IdempotencyError) => error.docs.split("#")[1]);
  expect([...sections.keys()]).toEqual(anchors);
  for (const anchor of sections.keys()) expect(anchor).toMatch(/^[a-z]+(-[a-z]+)*$/);
});

test("the README and the table of errors there lead to the guide", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  expect(readme.match(/\(https:[^)]+\/troubleshooting\)/g)).toHaveLength(2);
});
