import { within } from "../../util/within.ts";
import { SETTINGS } from "../addresses/address.ts";
import type { Finding } from "../doctor/finding.ts";
import type { Context, Verb } from "./context.ts";
import { EXIT } from "./failure.ts";
import { jsonLine } from "./shown-key.ts";
import { paints, printable } from "./terminal.ts";

const EXAMINE_MS = 60_000;
const stopped = () => new Error(`the server did not answer all questions within ${EXAMINE_MS / 1_000} s`);

export const DOCTOR: Verb = {
  summary: "check the server against the store's guide, and say how to fix it",
  flags: [...SETTINGS, "json"],
  takesAddress: true,
  details:
    "Checks versions, durability, the clock, the table and the rights of the user in the address. On Redis it claims a\ntest key and removes it. Exits with 1 if it finds a problem.",
  example: "with-idempotency doctor --redis env:REDIS_URL --prefix shop:",
  async run(context) {
    const { io, asJson } = context;
    const opened = await context.open();
    const findings = await within(opened.examine(), EXAMINE_MS, stopped);
    for (const finding of findings) {
      // A server's words may repeat what was in its address.
      await io.out(context.masked(asJson ? jsonLine(finding) : lines(context, finding)));
    }
    const problems = findings.filter(({ status }) => status === "problem").length;
    if (!asJson) await io.out(`${problems === 0 ? "Nothing" : problems} to fix\n`);
    return problems === 0 ? EXIT.done : EXIT.not;
  },
};

const MARKS = { ok: "✓", problem: "✗", note: "i", unknown: "?" } as const;
const COLOURS = { ok: "green", problem: "red", note: "dim", unknown: "yellow" } as const;

function lines({ io }: Context, { status, check, found, mend }: Finding): string {
  const colours = paints(io.hasColours);
  const line = `${colours[COLOURS[status]](MARKS[status])} ${colours.bold(check)}: ${printable(found)}\n`;
  return mend === undefined ? line : `${line}    ${printable(mend)}\n`;
}
