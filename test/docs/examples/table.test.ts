import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { createProgress } from "../../../examples/common/progress.ts";
import { emailOf } from "../../../examples/order-emails/email.ts";
import type { OrderEvent } from "../../../examples/order-emails/events.ts";
import type { ReceivedEmail } from "../../../examples/order-emails/smtp-server.ts";
import { renderLegend, renderTable } from "../../../examples/order-emails/table.ts";
import { type Tally, tally } from "../../../examples/order-emails/tally.ts";

const WITHOUT: Tally = {
  events: 9,
  attempted: 12,
  delivered: 8,
  duplicates: 3,
  suppressed: 0,
  found: 0,
  absent: 0,
  rejected: 1,
  lost: 0,
};
const WITH: Tally = {
  ...WITHOUT,
  attempted: 7,
  delivered: 5,
  duplicates: 0,
  suppressed: 3,
  found: 2,
  absent: 1,
};

describe("the table", () => {
  test("shows the figures of both runs side by side", () => {
    expect(renderTable(WITHOUT, WITH, pc.createColors(false))).toBe(
      `
                            without wrapper      with wrapper
-------------------------------------------------------------
events                                    9                 9
sends attempted                          12                 7
emails delivered                          8                 5
duplicates received                       3                 0
suppressed                                0                 3
reconciled                                0                 3
  found in the mailbox                    0                 2
  not there, sent again                   0                 1
rejected for good                         1                 1
lost                                      0                 0`.slice(1),
    );
  });

  test("has a legend that explains each of its rows, in their order", () => {
    const colors = pc.createColors(false);
    const names = (text: string) => text.split("\n").map(line => line.slice(0, 25).trimEnd());
    const rows = names(renderTable(WITHOUT, WITH, colors)).slice(2);
    expect(names(renderLegend(colors)).slice(1)).toEqual(rows);
  });

  test("shows duplicates and losses in red, and their absence in green", () => {
    const colors = pc.createColors(true);
    const rows = renderTable(WITHOUT, { ...WITH, lost: 2 }, colors).split("\n");
    const cell = (value: number) => String(value).padStart(18);
    const row = (name: string) => rows.find(text => text.startsWith(name));
    expect(row("duplicates")).toContain(colors.red(cell(3)) + colors.green(cell(0)));
    expect(row("lost")).toContain(colors.green(cell(0)) + colors.red(cell(2)));
    expect(row("rejected")).toBe(`rejected for good        ${cell(1)}${cell(1)}`);
  });
});

describe("the tally", () => {
  const event = (id: string, email: string): OrderEvent => ({
    at: "2026-03-02T08:00:00Z",
    id,
    type: "order.paid",
    order: "A-1",
    customer: { name: "Mira", email },
    details: {},
  });
  const received = (id: string, email: string): ReceivedEmail => ({
    ...emailOf(event(id, email)),
    messageId: `<${id}@shop.example>`,
  });

  test("counts by what the server has received, whatever the workflow believes", () => {
    const events = [
      event("1", "mira@example.com"),
      event("1", "mira@example.com"),
      event("2", "Nobody@example.com"),
      event("3", "mira@example.com"),
      event("4", "jonas@example.com"),
    ];
    const ledger = {
      mailbox: [
        received("1", "mira@example.com"),
        received("1", "mira@example.com"),
        received("3", "Mira@example.com"),
      ],
      unknownAddresses: new Set(["nobody@example.com"]),
      connections: 6,
      answers: 3,
    };
    expect(tally(events, ledger, { answered: 5, found: 1, absent: 0 })).toEqual({
      events: 5,
      attempted: 6,
      delivered: 3,
      duplicates: 1,
      suppressed: 1,
      found: 1,
      absent: 0,
      rejected: 1,
      lost: 1,
    });
  });
});

describe("the progress", () => {
  function written(live: boolean): string {
    let all = "";
    const progress = createProgress(text => {
      all += text;
    }, live);
    progress.show("1 of 2");
    progress.show("2 of 2");
    progress.line("done");
    return all;
  }

  test("is rewritten in place on a terminal", () => {
    expect(written(true)).toBe("\r\u001b[K1 of 2\r\u001b[K2 of 2\r\u001b[Kdone\n");
  });

  test("is plain lines elsewhere", () => {
    expect(written(false)).toBe("done\n");
  });
});
