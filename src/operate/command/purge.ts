import { SETTINGS } from "../addresses/address.ts";
import { isConfirmed, type Verb } from "./context.ts";
import { EXIT } from "./failure.ts";
import { jsonLine } from "./shown-key.ts";

export const PURGE: Verb = {
  summary: "remove expired records",
  flags: [...SETTINGS, "json", "yes"],
  takesAddress: true,
  details:
    "Stores do this by themselves while an application uses them. Redis and DynamoDB remove expired records themselves.",
  example: "with-idempotency purge --postgres env:DATABASE_URL --yes",
  async run(context) {
    const { io, asJson } = context;
    const { purge } = await context.open();
    if (purge === undefined) {
      await io.err("There is nothing to purge: the server removes each key when it expires\n");
    } else if (!(await isConfirmed(context, "Remove all expired records?"))) {
      await io.err("Nothing was changed\n");
      return EXIT.not;
    }
    const removed = (await purge?.()) ?? 0;
    await io.out(asJson ? jsonLine({ action: "purged", removed }) : `${removed} removed\n`);
    return EXIT.done;
  },
};
