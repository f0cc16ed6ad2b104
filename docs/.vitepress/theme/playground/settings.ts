import type { Key } from "./library.ts";
import type { EventData, KeyForm } from "./scenario.ts";

/** The form as the runtime reads it. */
export interface ReadForm {
  ttl: { value: number; unit: KeyForm["unit"] };
  keyFor(data: EventData): Key;
}

export function readForm(form: KeyForm): ReadForm {
  const path = (data: unknown, text: string) =>
    text
      .split(".")
      .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], data);
  return {
    ttl: { value: form.time, unit: form.unit },
    keyFor: data =>
      form.key.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, name: string) => String(path(data, name))),
  };
}
