import { type Check, checks, deferred, same, thrown } from "./check.ts";

type Entry = typeof import("with-idempotency");

/** For a runtime that has both: the two module formats of the package in one process. */
export const formatChecks = (imported: Entry, required: Entry): Check[] =>
  checks("the two module formats", {
    "are two copies, which know each other's errors by their code"() {
      const error = thrown(() => required.parseDuration("5x" as "5s"));
      same("whether they are two", imported.parseDuration !== required.parseDuration, true);
      same("whether the other knows it", imported.isIdempotencyError(error, "INVALID_DURATION"), true);
    },
    async "share the default store, and the run of a call under way"() {
      const key = crypto.randomUUID();
      const work = deferred();
      let runs = 0;
      const fn = () => {
        runs += 1;
        return work.promise;
      };
      const calls = [imported.withIdempotency(key, "1m", fn), required.withIdempotency(key, "1m", fn)];
      work.resolve("sent");
      same("the results", await Promise.all(calls), ["sent", "sent"]);
      same("the replay", await required.withIdempotency(key, "1m", fn), "sent");
      same("the runs", runs, 1);
    },
    "give the same digests"() {
      const data = { at: new Date(0), of: [1n] };
      same("the fingerprints", imported.fingerprint(data), required.fingerprint(data));
    },
  });
