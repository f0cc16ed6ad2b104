import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Piece, readTemplate } from "../../../src/settings/template.ts";

describe("a template", () => {
  it.each<[string, Piece[]]>([
    ["nightly-report", ["nightly-report"]],
    ["{{id}}", [["id"]]],
    ["order:{{order.id}}:{{user.id}}", ["order:", ["order", "id"], ":", ["user", "id"]]],
    ["a{{x}}{{y}}b", ["a", ["x"], ["y"], "b"]],
    ["{{ order . id }}", [["order", "id"]]],
    ["{{\n\torder.items.0.sku\u00a0}}", [["order", "items", "0", "sku"]]],
    ["{{first name}}", [["first name"]]],
    [String.raw`{{a\.b.c}}`, [["a.b", "c"]]],
    [String.raw`{{a\{\}\}\\\ }}`, [["a{}}\\ "]]],
    [String.raw`\{{x}}`, ["{{x}}"]],
    [String.raw`\{{x\}}`, ["{{x}}"]],
    [String.raw`\\{{x}}`, ["\\", ["x"]]],
    [String.raw`\\\{{x}}`, [String.raw`\{{x}}`]],
    [String.raw`a\b\\c\{d\}`, [String.raw`a\b\\c\{d\}`]],
    [String.raw`\}}`, ["}}"]],
    [String.raw`\{{ and \{{`, ["{{ and {{"]],
    [String.raw`\{{{{x}}}}`, ["{{", ["x"], "}}"]],
    ["{a} {b}", ["{a} {b}"]],
    ["{{x}}}", [["x"], "}"]],
    ["{{a}} {{b}}", [["a"], " ", ["b"]]],
    ["{{__proto__.x}}", [["__proto__", "x"]]],
    ["{{😀}}😀", [["😀"], "😀"]],
  ])("%s", (template, pieces) => {
    expect(readTemplate(template)).toEqual({ pieces, faults: [] });
  });

  it.each<[string, string[]]>([
    ["order:{{order.id", ['"{{" at character 7 is not closed: write a path and "}}" after it']],
    ["{{a {{b}}", ['"{{" at character 1 is not closed']],
    ["{{", ['"{{" at character 1 is not closed']],
    ["{{a\\", ['"{{" at character 1 is not closed']],
    ["{{}}", ['"{{}}" at character 1 has no name: write the path of a value, such as order.id']],
    ["ab{{ \t}}", ['"{{ \\t}}" at character 3 has no name']],
    ["{{a..b}}", ['"{{a..b}}" at character 1 has no name at one side of a dot']],
    ["{{.a}}", ["has no name at one side of a dot"]],
    ["{{a.}}", ["has no name at one side of a dot"]],
    ["{{.}}", ["has no name at one side of a dot"]],
    ["a}}", ['"}}" at character 2 closes nothing: write "{{" before the path, or "\\}}"']],
    ["{{{a}}}", ['the place at character 1 has a single "{" at character 3']],
    ["{{a}b}}", ['the place at character 1 has a single "}" at character 4']],
    ["{{a}", ['the place at character 1 has a single "}" at character 4']],
    ["{{a} {{b}}", ['the place at character 1 has a single "}" at character 4']],
    [String.raw`\{{a}}}}`, ['"}}" at character 7 closes nothing']],
    [String.raw`\{{a\}} }}`, ['"}}" at character 9 closes nothing']],
    ["}} {{}} {{a", ['"}}" at character 1', '"{{}}" at character 4', '"{{" at character 9']],
  ])("%s has a fault, and where", (template, expected) => {
    const { faults } = readTemplate(template);
    expect(faults).toEqual(expected.map(fault => expect.stringContaining(fault)));
  });

  it("cuts a long place in a message", () => {
    const [fault] = readTemplate(`{{.${"a".repeat(10_000)}}}`).faults;
    expect(fault!.length).toBeLessThan(300);
  });

  it("is all of its text where a backslash stands before each two braces", () => {
    const text = fc.string({ unit: fc.constantFrom("{", "}", "\\", "a", " ", ".") });
    fc.assert(
      fc.property(text, text => {
        const quoted = text.replace(/(\\*)(\{\{|\}\})/g, String.raw`$1$1\$2`);
        expect(readTemplate(quoted)).toEqual({ pieces: text === "" ? [] : [text], faults: [] });
      }),
      { numRuns: 2_000 },
    );
  });

  it("has its time grow with its length, whatever the text", () => {
    // Steps that grew with the square of this would take minutes.
    for (const text of [
      "{{",
      "}}",
      "\\",
      "{{a",
      "{{a.",
      "{{ ",
      "{{a}}",
      "\\{{",
      "\\\\{{a}}",
      "{",
      "{{{",
      "{{\\",
      " ",
    ]) {
      const template = text.repeat(Math.ceil(200_000 / text.length));
      const { pieces, faults } = readTemplate(template);
      expect(pieces.length + faults.length).toBeGreaterThan(0);
    }
  });
});
