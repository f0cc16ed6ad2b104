import PgBoss from "pg-boss";
import type { Host } from "../common/run.ts";

const QUEUE = "ship-order";

/** pg-boss, whose jobs expire when their worker does not end them in time. */
export const pgBoss: Host = {
  name: "pg-boss",
  packages: ["pg-boss"],
  worker: new URL("worker.ts", import.meta.url),
  server: "postgres",
  async open(url) {
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
    boss.on("error", error => console.error(error));
    await boss.start();
    // Longer than the lease: the worker that takes an expired job finds the lease of the last one lapsed.
    await boss.createQueue(QUEUE, { name: QUEUE, retryLimit: 20, retryDelay: 1, expireInSeconds: 5 });
    const jobs = new Set<string>();
    return {
      async add(orders) {
        for (const order of orders) jobs.add((await boss.send(QUEUE, order)) ?? "");
      },
      async completed() {
        const states = await Promise.all([...jobs].map(id => boss.getJobById(QUEUE, id)));
        return states.filter(job => job?.state === "completed").length;
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
};
