import fc from "fast-check";
import { expect, it } from "vitest";
import { toJson } from "../../../src/util/json.ts";
import { patched } from "../../support/patched.ts";

it("is JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      expect(toJson(value)).toBe(JSON.stringify(value));
      expect(toJson(value, true)).toBe(JSON.stringify(value));
    }),
  );
});

it("is the same whatever toJSON a prototype has", () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const expected = JSON.stringify(value);
      expect(patched(() => toJson(value))).toBe(expected);
    }),
  );
});
