import { expect } from "vitest";
import { compare } from "../../../../examples/hosts/common/compare.ts";
import type { Host } from "../../../../examples/hosts/common/run.ts";

/** How long a test of a runtime may take on a machine that is busy with others. */
export const TIMEOUT_MS = 600_000;

/**
 * Runs a runtime's jobs without the wrapper and with it. Killed workers take what they have in hand along, so the
 * figures beyond the planned faults vary.
 */
export async function expectOneEmailEach(host: Host, planned: { duplicates: number }): Promise<void> {
  const { without, withIt } = await compare(host);

  expect(without).toMatchObject({ completed: 12, lost: 0, uncertain: 0 });
  expect(without.kills).toBeGreaterThanOrEqual(1);
  expect(without.duplicates).toBeGreaterThanOrEqual(planned.duplicates);

  expect(withIt).toMatchObject({ completed: 12, emails: 24, duplicates: 0, lost: 0 });
  expect(withIt.kills).toBeGreaterThanOrEqual(1);
  // Three connections cut and two workers killed with an email under way, three of which had arrived.
  expect(withIt.uncertain).toBeGreaterThanOrEqual(5);
  expect(withIt.found).toBeGreaterThanOrEqual(3);
}
