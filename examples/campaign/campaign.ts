import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../common/progress.ts";
import { startFleet } from "./fleet.ts";
import { PLACES } from "./places.ts";
import { type Ledger, startProvider } from "./provider.ts";
import type { Settings } from "./settings.ts";
import { emailOf, writeUsers } from "./users.ts";

/** What came of a campaign, by what the provider has sent. */
export interface Tally {
  users: number;
  messages: number;
  /** Messages beyond a user's first. */
  duplicates: number;
  /** Users without a message. */
  lost: number;
  /** Of users of whom nobody knew, those who had their message. */
  found: number;
  /** Of users of whom nobody knew, those who had none, and got it afterwards. */
  absent: number;
  batches: number;
  kills: number;
  seconds: number;
}

const SHOW_MS = 250;
const PLAIN_MS = 3_000;
// A guard against what hangs, not a bound on how long a busy machine may take.
const DEADLINE_MS = 120_000;
const DEADLINE_PER_USER_MS = 10;

/** Counts what the users have received. */
export function count(users: number, { mailbox }: Pick<Ledger, "mailbox">) {
  let [messages, lost] = [0, 0];
  for (let n = 1; n <= users; n += 1) {
    const received = mailbox.get(emailOf(n)) ?? 0;
    messages += received;
    lost += Number(received === 0);
  }
  return { messages, lost, duplicates: messages - (users - lost) };
}

/** Shows a text every now and then: in place on a terminal, as a line elsewhere. */
function showing(progress: Progress, isLive: boolean, status: () => string): () => void {
  const show = () => (isLive ? progress.show(status()) : progress.line(status()));
  const timer = setInterval(show, isLive ? SHOW_MS : PLAIN_MS);
  return () => {
    clearInterval(timer);
    progress.line(status());
  };
}

const figure = (value: number) => Math.round(value).toLocaleString("en");

/** Sends a campaign by a worker that is killed meanwhile, through a provider that fails as real ones do. */
export async function runCampaign(
  { users, batch, store, kills }: Settings,
  progress: Progress,
  isLive: boolean,
): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), "campaign-"));
  const place = await PLACES[store](directory);
  const reported = { replayed: 0, found: 0, absent: 0 };
  let isTimeToKill = (_messages: number) => {};
  const provider = await startProvider(messages => isTimeToKill(messages));
  const { ledger } = provider;
  const file = join(directory, "users.jsonl");
  await writeUsers(file, users);

  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  const fleet = startFleet(
    {
      campaign: `news-${Date.now()}`,
      users: file,
      batch,
      store,
      address: place.address,
      providerUrl: provider.url,
    },
    report => {
      if ("replayed" in report) reported.replayed = report.replayed;
      else {
        reported.found += report.found;
        reported.absent += report.absent;
      }
    },
  );
  // Always when the provider has just taken a batch, and its answer is still to come.
  isTimeToKill = messages => {
    if (fleet.kills < kills && messages > (users * (fleet.kills + 1)) / (kills + 1)) fleet.kill();
  };

  const hide = showing(progress, isLive, () => {
    const { messages } = ledger;
    const rate = messages / seconds();
    const left = messages > 0 ? `${figure((users - messages) / rate)} s left` : "starting";
    const uncertain = reported.found + reported.absent;
    return `sent ${figure(messages)} of ${figure(users)}, replayed ${figure(reported.replayed)}, uncertain ${figure(uncertain)}, ${figure(rate)}/s, ${left}`;
  });
  const bound = new AbortController();
  const late = sleep(DEADLINE_MS + users * DEADLINE_PER_USER_MS, undefined, { signal: bound.signal });
  try {
    await Promise.race([
      fleet.done,
      late.then(() => {
        throw new Error("The campaign takes too long");
      }),
    ]);
    const took = seconds();
    const { found, absent } = reported;
    const { batches } = ledger;
    return { users, ...count(users, ledger), found, absent, batches, kills: fleet.kills, seconds: took };
  } finally {
    bound.abort();
    late.catch(() => {});
    hide();
    fleet.stop();
    await provider.close();
    await place.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
