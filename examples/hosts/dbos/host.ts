import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import type { Host } from "../common/run.ts";

/** DBOS Transact, whose workflows are recovered by the process that takes over a dead one's name. */
export const dbos: Host = {
  name: "DBOS Transact",
  packages: ["@dbos-inc/dbos-sdk"],
  worker: new URL("worker.ts", import.meta.url),
  server: "postgres",
  async open(url) {
    await DBOS.migrate(url);
    const client = await DBOSClient.create({ systemDatabaseUrl: url, applicationName: "shop" });
    const target = { queueName: "orders", workflowName: "shipOrder", appVersion: "1" };
    return {
      async add(orders) {
        for (const order of orders)
          await client.enqueue({ ...target, workflowID: `order-${order.id}` }, order);
      },
      completed: async () => (await client.listWorkflows({ status: "SUCCESS" })).length,
      close: () => client.destroy(),
    };
  },
};
