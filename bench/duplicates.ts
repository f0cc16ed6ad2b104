import { library } from "./library.ts";
import { type Row, report } from "./measure.ts";

const CALLS = 1_000;

/** Counts, not times: how often `fn` ran for that many calls at once, and how many had its answer. */
async function duplicates(measure: string, prepare: (situation: Situation) => Promise<void>): Promise<Row> {
  const situation = new Situation();
  await prepare(situation);
  situation.runs = 0;
  const answers = await Promise.all(Array.from({ length: CALLS }, () => situation.call()));
  const right = answers.filter(answer => answer.run === 1).length;
  return {
    measure: `${CALLS} simultaneous duplicates, ${measure}`,
    ours: `${situation.runs} run, ${right} answers`,
    reference: "–",
    ratio: "–",
    target: `1 run, ${CALLS} answers`,
  };
}

class Situation {
  runs = 0;
  now = Date.now();
  readonly #idempotency = library.createIdempotency({
    store: library.memoryStore({ clock: () => this.now }),
  });

  call(): Promise<{ run: number }> {
    return this.#idempotency.withIdempotency("key", "1h", async () => {
      const run = ++this.runs;
      await new Promise(setImmediate);
      return { run };
    });
  }

  async fail(): Promise<void> {
    const failing = () => Promise.reject(new Error("refused"));
    await this.#idempotency.withIdempotency("key", "1h", failing).catch(() => {});
  }
}

const rows = [
  await duplicates("fresh key", async () => {}),
  await duplicates("expired key", async situation => {
    await situation.call();
    situation.now += 60 * 60 * 1000;
  }),
  await duplicates("after a failure", situation => situation.fail()),
];
report({ rows });
