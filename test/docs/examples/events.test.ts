import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { emailOf, identityOf } from "../../../examples/order-emails/email.ts";
import { burstsOf, LogError, parseEvents } from "../../../examples/order-emails/events.ts";

const EVENT = {
  at: "2026-03-02T08:00:00Z",
  id: "evt_1",
  type: "order.paid",
  order: "A-1",
  customer: { name: "Mira", email: "mira@example.com" },
  details: { amount: "5 EUR", items: 2 },
};
const line = (changes: object = {}) => JSON.stringify({ ...EVENT, ...changes });

function messageOf(text: string): string {
  try {
    parseEvents(text, "orders.jsonl");
  } catch (error) {
    if (error instanceof LogError) return error.message;
  }
  throw new Error("expected a LogError");
}

describe("a log", () => {
  test("is read line by line, with blank lines, a byte order mark and line ends of Windows", () => {
    const text = `\uFEFF${line()}\r\n\r\n${line({ id: "evt_2" })}\r\n\n`;
    expect(parseEvents(text, "orders.jsonl")).toEqual([EVENT, { ...EVENT, id: "evt_2" }]);
  });

  test.each(["", "\n \n", "\uFEFF\n"])("without an event is refused: %j", text => {
    expect(messageOf(text)).toBe("orders.jsonl: expected at least one event; the log is empty");
  });

  test.each([
    ["hello", 'expected a JSON object; got "hello"'],
    ['{"at":', 'expected a JSON object; got "{\\"at\\":"'],
    [`${"x".repeat(70)}`, `expected a JSON object; got "${"x".repeat(59)}…`],
    ["[1]", "expected an object; got [1]"],
    ["null", "expected an object; got null"],
    [line({ at: "yesterday" }), 'expected at to be a time such as "2026-03-02T09:00:00Z"; got "yesterday"'],
    [line({ at: 5 }), 'expected at to be a time such as "2026-03-02T09:00:00Z"; got 5'],
    [line({ id: undefined }), "expected id to be a line of text; got nothing"],
    [line({ id: " " }), 'expected id to be a line of text; got " "'],
    [
      line({ type: "order.eaten" }),
      "expected type to be one of order.placed, order.paid, order.shipped, order.delivered, order.cancelled; " +
        'got "order.eaten"',
    ],
    [line({ order: "A\nBcc: x" }), 'expected order to be a line of text; got "A\\nBcc: x"'],
    [line({ order: "\ud800" }), 'expected order to be a line of text; got "\\ud800"'],
    [line({ customer: "Mira" }), "expected customer.name to be a line of text; got nothing"],
    [
      line({ customer: { name: "Mira", email: "mira at example.com" } }),
      'expected customer.email to be an email address; got "mira at example.com"',
    ],
    [line({ details: [1] }), "expected details to be an object of texts and numbers; got [1]"],
    [line({ details: { a: null } }), 'expected details to be an object of texts and numbers; got {"a":null}'],
    [line({ details: { "": 1 } }), 'expected details to be an object of texts and numbers; got {"":1}'],
  ])("names a malformed line, what was expected and what came: %s", (malformed, fault) => {
    expect(messageOf(`${line()}\n\n${malformed}\n${line()}`)).toBe(`orders.jsonl, line 3: ${fault}`);
  });

  test("names each of several malformed lines, and counts those beyond ten", () => {
    expect(messageOf(`1\n${line()}\n2`)).toBe(
      "orders.jsonl, line 1: expected an object; got 1\norders.jsonl, line 3: expected an object; got 2",
    );
    const lines = messageOf("1\n".repeat(10)).split("\n");
    expect(lines).toHaveLength(10);
    const more = messageOf("1\n".repeat(13)).split("\n");
    expect(more).toEqual([...lines, "… and 3 more malformed lines"]);
  });

  test("delivers consecutive lines of the same instant at once", () => {
    const times = ["08:00", "08:01", "08:01", "08:01", "08:00"].map(time => `2026-03-02T${time}:00Z`);
    const bursts = burstsOf(parseEvents(times.map(at => line({ at })).join("\n"), "orders.jsonl"));
    expect(bursts.map(burst => burst.length)).toEqual([1, 3, 1]);
  });
});

describe("the log of the demo", () => {
  const events = parseEvents(readFileSync("examples/order-events.jsonl", "utf8"), "order-events.jsonl");
  const identities = events.map(event => identityOf(emailOf(event)));

  test("has redelivered events, bursts of duplicates and events whose data has changed", () => {
    expect(events).toHaveLength(44);
    expect(new Set(identities).size).toBe(31);
    expect(new Set(events.map(event => event.id)).size).toBe(28);
    const bursts = burstsOf(events).filter(burst => new Set(burst.map(({ id }) => id)).size < burst.length);
    expect(bursts.map(burst => burst.length)).toEqual([2, 3, 2, 3, 4]);
  });
});

describe("an email", () => {
  const [event] = parseEvents(line(), "orders.jsonl");

  test("says what the event says", () => {
    expect(emailOf(event!)).toEqual({
      to: "mira@example.com",
      subject: "We have received your payment for A-1",
      text: [
        "Dear Mira,",
        "We have received your payment for A-1",
        "amount: 5 EUR",
        "items: 2",
        "Reference: evt_1",
      ].join("\n"),
    });
  });

  test("is the same when its event comes again later, another when any of the event's data has changed", () => {
    const identity = (changes: object) => identityOf(emailOf({ ...event!, ...changes }));
    expect(identity({ at: "2026-03-03T08:00:00Z" })).toBe(identity({}));
    const changes = [
      {},
      { id: "evt_2" },
      { type: "order.placed" },
      { order: "A-2" },
      { customer: { name: "Mila", email: "mira@example.com" } },
      { customer: { name: "Mira", email: "mila@example.com" } },
      { details: { amount: "6 EUR", items: 2 } },
    ];
    expect(new Set(changes.map(identity)).size).toBe(changes.length);
  });

  test("keeps its identity on its way: line ends, wrapped white space and the address's case may change", () => {
    const email = emailOf(event!);
    const received = { ...email, to: "Mira@Example.com", text: `${email.text.replaceAll("\n", "\r\n")}\r\n` };
    expect(identityOf(received)).toBe(identityOf(email));
  });
});
