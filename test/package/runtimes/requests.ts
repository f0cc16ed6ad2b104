import { type Check, checks, has, same, until } from "./portable/check.ts";

interface Answer {
  value: number;
  replayed: boolean;
  persisted: boolean;
}

interface State {
  state: string;
  leaseInMs: number;
}

const LEASE_MS = 1_000;

/** What holds among several requests to one worker, each of which workerd gives timers of its own. */
export function requestChecks(get: (path: string) => Promise<unknown>): Check[] {
  const ask = (path: string, key: string) => {
    const answer = get(`${path}?key=${key}`);
    // A check that has failed by then no longer waits for it.
    answer.catch(() => {});
    return answer;
  };
  const run = (key: string) => ask("/run", key) as Promise<Answer>;
  const finish = (key: string) => ask("/finish", key);
  const advance = (ms: number) => get(`/advance?ms=${ms}`);
  const stateOf = async (key: string) => ((await ask("/inspect", key)) as State | null) ?? undefined;
  const untilState = (key: string, expected: string) =>
    until(`it is ${expected}`, async () => (await stateOf(key))?.state === expected);
  /** The run has its lease renewed as often as the store's clock takes most of it. */
  const outlivesItsLease = async (key: string) => {
    for (let renewal = 0; renewal < 3; renewal++) {
      await advance(LEASE_MS * 0.6);
      await until("it is renewed", async () => (await stateOf(key))?.leaseInMs === LEASE_MS);
    }
  };
  /** All of a lease goes by, again if the last of it was a renewal. */
  const abandoned = (key: string) =>
    until("it is uncertain", async () => {
      await advance(LEASE_MS);
      return (await stateOf(key))?.state === "uncertain";
    });

  // They share the clock, and so run one after the other.
  return checks("requests", {
    async "at once share one run"() {
      const answers = Array.from({ length: 10 }, () => run("shared"));
      await until("nine have joined", async () => (await ask("/joined", "shared")) === 9);
      await finish("shared");
      const all = await Promise.all(answers);
      same("the number of values", new Set(all.map(({ value }) => value)).size, 1);
      same("the number of runs", all.filter(({ replayed }) => !replayed).length, 1);
    },
    async "later ones get the first one's result"() {
      await finish("replayed");
      const { value } = await run("replayed");
      has("the second", await run("replayed"), { value, replayed: true });
    },
    async "of which one ended have the leases of others renewed"() {
      const short = run("short");
      await untilState("short", "in-progress");
      const long = run("long");
      await untilState("long", "in-progress");
      await finish("short");
      await short;
      await outlivesItsLease("long");
      await finish("long");
      has("the outcome", await long, { persisted: true });
    },
    async "that begin after another ended have their leases renewed"() {
      await finish("before");
      await run("before");
      const late = run("after");
      await untilState("after", "in-progress");
      await outlivesItsLease("after");
      await finish("after");
      has("the outcome", await late, { persisted: true });
    },
    async "that leave their run to die leave the key uncertain, and nobody runs again"() {
      await ask("/forsake", "forsaken");
      const waiter = ask("/try", "forsaken");
      await until("another waits", async () => (await ask("/joined", "forsaken")) === 1);
      await abandoned("forsaken");
      has("the waiter's answer", await waiter, { code: "OUTCOME_UNKNOWN" });
      has("a later one", await ask("/try", "forsaken"), { code: "OUTCOME_UNKNOWN" });
    },
    async "that are gone while they wait for another isolate's run keep no result from others"() {
      const holder = ask("/run-elsewhere", "waiting") as Promise<Answer>;
      await untilState("waiting", "in-progress");
      await ask("/forsake", "waiting");
      await finish("waiting");
      const { value } = await holder;
      has("the next call's answer", await ask("/try", "waiting"), { value, replayed: true });
    },
  });
}
