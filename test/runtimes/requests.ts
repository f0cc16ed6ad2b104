import { type Check, checks, has, same, sleep } from "./portable/check.ts";

interface Answer {
  value: number;
  replayed: boolean;
  persisted: boolean;
}

/** What holds among several requests to one worker, each of which workerd gives timers of its own. */
export function requestChecks(get: (path: string) => Promise<unknown>): Check[] {
  const run = (key: string, ms: number) => {
    const answer = get(`/run?key=${key}&ms=${ms}`) as Promise<Answer>;
    // A check that has failed by then no longer waits for it.
    answer.catch(() => {});
    return answer;
  };
  const state = async (key: string, expected: string) =>
    has("the state", await get(`/inspect?key=${key}`), { state: expected });

  return checks("requests", {
    async "at once share one run"() {
      const answers = await Promise.all(Array.from({ length: 10 }, () => run("shared", 400)));
      same("the number of values", new Set(answers.map(({ value }) => value)).size, 1);
      same("the number of runs", answers.filter(({ replayed }) => !replayed).length, 1);
    },
    async "later ones get the first one's result"() {
      const { value } = await run("replayed", 1);
      has("the second", await run("replayed", 1), { value, replayed: true });
    },
    async "of which one ended have the leases of others renewed"() {
      const short = run("short", 300);
      await sleep(100);
      const long = run("long", 2_600);
      await short;
      for (let look = 0; look < 4; look++) {
        await sleep(500);
        await state("long", "in-progress");
      }
      has("the outcome", await long, { persisted: true });
    },
    async "that begin after another ended have their leases renewed"() {
      await run("before", 100);
      const late = run("after", 2_200);
      await sleep(1_600);
      await state("after", "in-progress");
      has("the outcome", await late, { persisted: true });
    },
    async "that leave their run to die leave the key uncertain, and nobody runs again"() {
      await get("/forsake?key=forsaken");
      await state("forsaken", "in-progress");
      await sleep(1_500);
      await state("forsaken", "uncertain");
      const { code } = (await get("/try?key=forsaken")) as { code?: string };
      same("whether the next call is refused", ["OUTCOME_UNKNOWN", "IN_PROGRESS"].includes(code ?? ""), true);
    },
  });
}
