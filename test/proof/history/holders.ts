import type { StoreEvent, Violation } from "./events.ts";
import { finishedAt, NEVER, type Run, type Story } from "./story.ts";

/** Holds a story against what the contract says of those who hold a key: that they renew it, know it and give it back. */
export function checkHolders(story: Story, lateMs: number): Violation[] {
  return [
    ...holdersKnowWhenTheyAreReplaced(story, lateMs),
    ...nobodyStartsAfterItsSuccessor(story),
    ...aHolderThatLivesRenews(story),
    ...aClaimThatCameTooLateIsGivenBack(story),
    ...aWaiterDoesNotRunInTheNextWindow(story),
    ...whatNeverRanIsReleased(story),
  ];
}

const violation = (at: number, key: string, message: string): Violation => ({
  promise: "lease",
  at,
  key,
  message,
});
const named = ({ call, start }: Run) => `run ${start.attempt} (${call.call})`;

function successions({ windows }: Story): [Run, Run][] {
  return windows.flatMap(({ runs }) =>
    runs.flatMap((later, index) => runs.slice(0, index).map((earlier): [Run, Run] => [earlier, later])),
  );
}

/** No two runs at once believe that they hold the key: the signal of the first aborts before the second begins. */
function holdersKnowWhenTheyAreReplaced(story: Story, lateMs: number): Violation[] {
  return successions(story)
    .filter(([a, b]) => a.start.watches && a.call.onStoreError === "throw" && a.start.at < b.start.at)
    .filter(([a, b]) => Math.min(finishedAt(a), a.lostAt ?? NEVER) > b.start.at + lateMs)
    .filter(([a, b]) => !story.away(a.call.process, a.call.at, b.start.at, lateMs))
    .map(([a, b]) =>
      violation(b.start.at, a.call.key, `${named(a)} runs on unwarned while ${named(b)} begins`),
    );
}

/**
 * A claim whose lease has run out before `fn` begins, by the larger of what the process's own clocks say, is not good for
 * a run: it need not have been awake meanwhile.
 */
function nobodyStartsAfterItsSuccessor(story: Story): Violation[] {
  return successions(story)
    .filter(([a, b]) => a.start.at > b.start.at && a.call.onStoreError === "throw")
    .filter(([a]) => !isForgotten(story, a))
    .map(([a, b]) =>
      violation(a.start.at, a.call.key, `${named(a)} began after ${named(b)}, which had replaced it`),
    );
}

const isClaimed = (event: StoreEvent) =>
  (event.answer as { status?: string } | undefined)?.status === "claimed";
const attemptOf = (event: StoreEvent) => (event.answer as { attempt: number }).attempt;

/** While `fn` runs in a process that lives, its lease does not lapse for want of a renewal. */
function aHolderThatLivesRenews(story: Story): Violation[] {
  return story.calls.flatMap(call => {
    const { run } = call;
    if (!run || call.onStoreError === "run" || isForgotten(story, run)) return [];
    return (story.stores.get(call.key) ?? [])
      .filter(event => saysUncertain(event, run.start.attempt))
      .filter(({ at }) => run.start.at <= at - call.leaseMs && at <= finishedAt(run))
      .filter(({ at }) => !story.away(call.process, at - call.leaseMs, at) && !isAsked(story, run, at))
      .map(({ at }) =>
        violation(at, call.key, `the lease of ${named(run)} lapsed, and it was not even renewed`),
      );
  });
}

const isForgotten = ({ stores }: Story, { call }: Run) =>
  (stores.get(call.key) ?? []).some(({ operation, at }) => operation === "forget" && at >= call.at);

function saysUncertain(event: StoreEvent, attempt: number): boolean {
  const answer = event.answer as { status?: string; attempt?: number } | undefined;
  return event.operation === "claim" && answer?.status === "uncertain" && answer.attempt === attempt;
}

function isAsked({ sends }: Story, { call }: Run, before: number): boolean {
  return sends.some(
    ({ operation, key, process, at }) =>
      operation !== "claim" &&
      key === call.key &&
      process === call.process &&
      at >= before - call.leaseMs &&
      at <= before,
  );
}

/** A claim that lands when its call has given up, or is not used for another reason, is released. */
function aClaimThatCameTooLateIsGivenBack(story: Story): Violation[] {
  const patience = Math.max(0, ...story.calls.map(({ storeTimeoutMs }) => storeTimeoutMs));
  return [...story.stores.values()].flatMap(events =>
    events
      .filter(event => event.operation === "claim" && event.token !== undefined && isClaimed(event))
      .filter(claim => !isUsed(story, claim) && !isGivenBack(story, claim) && !diedWithIt(story, claim))
      .filter(claim => !story.away(claim.process, claim.sent, claim.at + claim.request!.leaseMs + patience))
      .map(({ at, key, process }) =>
        violation(at, key, `${process} never used the claim that it made, and kept it`),
      ),
  );
}

const isUsed = ({ calls }: Story, claim: StoreEvent) => calls.some(({ run }) => run && isOf(run, claim));

/** Whether a run is by that claim, as far as can be told. */
const isOf = ({ start: { key, process, attempt } }: Run, claim: StoreEvent) =>
  key === claim.key && process === claim.process && attempt === attemptOf(claim);

/** A run that goes on without its claim gives that back when it ends, should it have landed after all. */
function diedWithIt({ calls, crashedAt }: Story, { key, process }: StoreEvent): boolean {
  return calls.some(
    ({ run, onStoreError, ...call }) =>
      run &&
      onStoreError === "run" &&
      call.key === key &&
      call.process === process &&
      finishedAt(run) >= crashedAt(process),
  );
}

function isGivenBack({ sends, stores }: Story, claim: StoreEvent): boolean {
  const own = sends.filter(
    ({ operation, process, token, key }) =>
      key === claim.key &&
      // A window that nobody is to run in is removed, by what was seen of it.
      (token === claim.token || (operation === "forget" && process === claim.process)),
  );
  if (own.some(({ operation, at }) => operation !== "claim" && at >= claim.at)) return true;
  // By what was on its way already: a renewal may claim anew while its run ends.
  if (stores.get(claim.key)!.some(event => settles(event, claim))) return true;
  // Nobody can give back what lands when its call is over, where no reply says so.
  const isOver = own.some(({ operation }) => operation !== "claim") || isAnswered(stores, claim);
  // A later answer to the same token is the one that counts.
  const isSuperseded = stores
    .get(claim.key)!
    .some(e => e.token === claim.token && e.at > claim.at && isNews(e));
  return isSuperseded || (claim.heard === false && isOver);
}

const settles = ({ operation, token, at, answer, leaseMs }: StoreEvent, claim: StoreEvent) =>
  (operation === "complete" || operation === "release" || (operation === "renew" && leaseMs === 0)) &&
  token === claim.token &&
  at > claim.at &&
  answer === true;
const isNews = (event: StoreEvent) => event.operation === "claim" && (event.heard || isClaimed(event));
const isAnswered = (stores: Story["stores"], claim: StoreEvent) =>
  stores.get(claim.key)!.some(({ token, heard, at }) => token === claim.token && heard && at < claim.at);

/** A call that has seen a run does not run in a window after it: whether that run had succeeded nobody knows. */
function aWaiterDoesNotRunInTheNextWindow(story: Story): Violation[] {
  return [...story.stores.values()].flatMap(events =>
    events.flatMap((claim, index) => {
      if (!isClaimed(claim)) return [];
      const own = events.slice(0, index).filter(({ token }) => token === claim.token);
      // A run that claims once more what it had does not wait.
      if (hasBegun(story, own.findLast(isClaimed), claim)) return [];
      const seen = own.slice(own.findLastIndex(isClaimed) + 1).filter(e => e.heard !== false && isWaiting(e));
      const completed = events.some(e => isCompletion(e, claim.token) && e.at >= claim.at);
      const isNext = seen.some(earlier => attemptOf(earlier) >= attemptOf(claim));
      if (!isNext || !completed || claim.request?.rerun) return [];
      return [
        violation(claim.at, claim.key, `${claim.process} waited for a run, and ran in the window after it`),
      ];
    }),
  );
}

/** Whether a run began by a claim before its token was claimed by once more. */
function hasBegun({ calls }: Story, claim: StoreEvent | undefined, again: StoreEvent): boolean {
  if (claim === undefined) return false;
  const runs = calls.flatMap(({ run }) => (run && isOf(run, claim) ? [run] : []));
  return runs.some(({ start }) => claim.sent <= start.at && start.at <= again.sent);
}

const isCompletion = ({ operation, token }: StoreEvent, of?: string) =>
  operation === "complete" && token === of;
const isWaiting = ({ operation, answer }: StoreEvent) =>
  operation === "claim" && (answer as { status?: string } | undefined)?.status === "in-progress";

/** A claim by which `fn` never ran, and which took nothing over, is freed: nothing about it is uncertain. */
function whatNeverRanIsReleased({ stores, calls }: Story): Violation[] {
  // Who runs without its claim holds it once it has landed.
  const runs = calls.flatMap(({ run }) => run ?? []);
  const mayBeOf = (hold: StoreEvent, run: Run, claims: readonly StoreEvent[]) =>
    run.call.onStoreError === "run"
      ? run.call.key === hold.key && run.call.process === hold.process
      : claims.some(claim => isOf(run, claim));
  return [...stores.values()].flatMap(events =>
    events
      .filter(({ operation, leaseMs, answer }) => operation === "renew" && leaseMs === 0 && answer === true)
      .filter(hold => {
        const claims = events.filter(({ operation, token }) => operation === "claim" && token === hold.token);
        const isKnown = claims.length > 0 && claims.every(({ request, answer }) => !request?.rerun && answer);
        return isKnown && !runs.some(run => mayBeOf(hold, run, claims.filter(isClaimed)));
      })
      .map(({ at, key, process }) => violation(at, key, `${process} held a claim by which it never ran`)),
  );
}
