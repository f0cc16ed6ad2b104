import { expect, it } from "vitest";
import { describeWithRedis } from "../../support/servers/describe.ts";
import { failOver } from "./failover.ts";

const TIMEOUT = { timeout: 120_000 };
const rounds = 2;

describeWithRedis("a failover before the replica has the claim", () => {
  it("loses the claim where nobody waits for the replica, so that fn runs twice", TIMEOUT, async () => {
    const { lost, runs } = await failOver({ rounds, waits: false, isCutOff: true });
    expect({ lost, runs }).toEqual({ lost: rounds, runs: 2 * rounds });
  });

  it("fails closed where the claim waits for the replica", TIMEOUT, async () => {
    const { lost, runs, refused } = await failOver({ rounds, waits: true, isCutOff: true });
    expect({ lost, runs, refused }).toEqual({ lost: 0, runs: rounds, refused: { STORE_ERROR: rounds } });
  });
});
