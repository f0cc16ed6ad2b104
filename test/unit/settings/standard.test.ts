import type { StandardSchemaV1 } from "@standard-schema/spec";
import { FormApi } from "@tanstack/form-core";
import { describe, expect, expectTypeOf, it } from "vitest";
import { readSettings } from "../../../src/settings/read-settings.ts";
import type { IdempotencySettings, SettingsJson } from "../../../src/settings/settings.ts";

const FORM: SettingsJson = { key: "order:{{order.id}}", time: "5", unit: "minutes" };

describe("readSettings is a Standard Schema", () => {
  it("by the standard's own types", () => {
    const schema: StandardSchemaV1<SettingsJson, IdempotencySettings> = readSettings;
    expect(schema["~standard"]).toMatchObject({ version: 1, vendor: "with-idempotency" });
    expectTypeOf<StandardSchemaV1.InferInput<typeof readSettings>>().toEqualTypeOf<SettingsJson>();
    expectTypeOf<StandardSchemaV1.InferOutput<typeof readSettings>>().toEqualTypeOf<IdempotencySettings>();
  });

  const { validate } = readSettings["~standard"];

  it("that gives the settings", () => {
    const result = validate(FORM);
    expect(result.issues).toBeUndefined();
    expect("value" in result && result.value.ttl).toEqual({ milliseconds: 300_000 });
  });

  it("that gives every fault with its path, and throws none", () => {
    expect(validate({ key: "}}", time: 0, unit: "hours", unlessChanged: ["a", ""], x: 1 }).issues).toEqual([
      { path: ["x"], message: expect.stringContaining("no such setting") },
      { path: ["key"], message: expect.stringContaining('"}}" at character 1') },
      { path: ["time"], message: "expected from 1 second to 24 hours; got 0 hours" },
      { path: ["unlessChanged", 1], message: expect.stringContaining("no name") },
    ]);
    expect(validate(undefined).issues).toEqual([{ path: [], message: expect.stringContaining("an object") }]);
    expect(validate({ ...FORM, key: "}}".repeat(50) }).issues).toHaveLength(50);
  });

  /** What a form comes to when it is handed in. */
  async function handIn(defaultValues: SettingsJson) {
    const submitted: unknown[] = [];
    const form = new FormApi({
      defaultValues,
      validators: { onSubmit: readSettings },
      onSubmit: ({ value }) => void submitted.push(value),
    });
    form.mount();
    await form.handleSubmit();
    return {
      submitted,
      errors: form.state.errorMap.onSubmit as Record<string, { message: string }[]> | undefined,
    };
  }

  it("that a form's own library takes", async () => {
    expect(await handIn(FORM)).toEqual({ submitted: [FORM], errors: undefined });
  });

  it("of which it shows each message at its field", async () => {
    const { submitted, errors = {} } = await handIn({ ...FORM, key: "order:{{order.id", time: "" });
    expect(submitted).toEqual([]);
    expect(Object.keys(errors).sort()).toEqual(["key", "time"]);
    expect(errors["key"]?.[0]?.message).toContain('"{{" at character 7 is not closed');
    expect(errors["time"]?.[0]?.message).toContain("expected a number such as 5 or 1.5, without a unit");
  });
});
