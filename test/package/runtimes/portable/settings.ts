import { isIdempotencyError } from "with-idempotency";
import { readSettings, settingsSchema } from "with-idempotency/settings";
import { checks, has, same, thrown } from "./check.ts";
import { instance } from "./scene.ts";

const FORM = {
  key: "order:{{order.id}}:{{user.id}}",
  time: "5",
  unit: "Minutes",
  unlessChanged: ["order.status"],
};
const DATA = { order: { id: 1041, status: "paid" }, user: { id: "a]\u{1f600}" } };

/** A form, read into keys and windows. */
export const settingsChecks = checks("settings", {
  "make the same key to the letter on every runtime"() {
    const { ttl, keyFor } = readSettings(FORM);
    same("the window", ttl, { milliseconds: 300_000 });
    same("the key", keyFor(DATA), "order:[1041]:[a\\]\u{1f600}]:[#7u_lQR2V4SNCSfZa1NACPh]");
  },
  async "do something once until the data changes"() {
    const { execute } = instance();
    const { ttl, keyFor } = readSettings(FORM);
    const run = async (status: string) =>
      (await execute(keyFor({ ...DATA, order: { id: 1041, status } }), ttl, () => status)).replayed;
    same(
      "whether they were replayed",
      [await run("paid"), await run("paid"), await run("shipped")],
      [false, true, false],
    );
  },
  "tell every fault, by errors that the root entry knows"() {
    const error = thrown(() => readSettings({ key: "{{", time: 0, unit: "weeks" }));
    same("whether it is one", isIdempotencyError(error, "INVALID_OPTION"), true);
    same("its lines", (error as Error).message.split("\n").length, 2);
    const { issues } = readSettings["~standard"].validate({ ...FORM, time: 1441 });
    same(
      "the paths",
      issues?.map(({ path }) => path),
      [["time"]],
    );
  },
  "reach nothing that is no value of the data's own"() {
    const { keyFor } = readSettings({ key: "{{user.id}}", time: 1, unit: "s" });
    const getter = Object.defineProperty({}, "id", { get: () => "code ran", enumerable: true });
    for (const user of [{}, Object.create({ id: 1 }), getter, null, "user", [], () => 1]) {
      has(
        "the error",
        thrown(() => keyFor({ user })),
        { code: "INVALID_KEY" },
      );
    }
    for (const name of ["__proto__", "constructor.name", "toString"]) {
      const { keyFor } = readSettings({ key: `{{${name}}}`, time: 1, unit: "s" });
      has(
        name,
        thrown(() => keyFor({})),
        { code: "INVALID_KEY" },
      );
    }
  },
  "have a schema of plain data"() {
    same("its text, read again", JSON.parse(JSON.stringify(settingsSchema)), settingsSchema);
    same("whether it is frozen", Object.isFrozen(settingsSchema), true);
  },
});
