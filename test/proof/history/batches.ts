import { isDeepStrictEqual } from "node:util";
import { type BatchEvent, isClaimed, type ManyEvent } from "./events.ts";
import { type Found, of, type Rule } from "./rule.ts";
import { type Call, finishedAt, NEVER, type Run, type Story } from "./story.ts";

/** An `executeMany`, with the batches that its `fn` was given. */
interface Many {
  event: ManyEvent;
  calls: Call[];
  batches: BatchEvent[];
}

/** Where a history tells of one key alone, there are none. */
function manyOf({ manies, batches, calls }: Story): Many[] {
  const known = new Map(calls.map(call => [call.call, call]));
  return manies.map(event => ({
    event,
    calls: event.calls.flatMap(name => known.get(name) ?? []),
    batches: batches.filter(({ batch }) => batch === event.batch),
  }));
}

const because = ({ at }: { at: number }, message: string): Found => ({ at, message });

/** B1: outcomes come in the order of the items, one each. */
function outcomesAreInOrder({ manies, outcomes }: Story): Found[] {
  return outcomes.flatMap(event => {
    const { keys } = manies.find(({ batch }) => batch === event.batch)!;
    const expected = event.hasLeft ? keys.slice(0, event.keys.length) : keys;
    if (isDeepStrictEqual(event.keys, expected)) return [];
    return [because(event, `${event.batch} gave outcomes for ${event.keys} in place of ${expected}`)];
  });
}

/** B2: a batch has some of its items, no more than it may have, in their order, and no item is in two. */
function batchesAreOfTheItems(story: Story): Found[] {
  return manyOf(story).flatMap(({ event: { batch, calls, batchSize }, batches }) => {
    const all = batches.flatMap(given => given.calls);
    return batches.flatMap(given => {
      const places = given.calls.map(call => calls.indexOf(call));
      const isInOrder = places.every((place, n) => place > (places[n - 1] ?? -1));
      const isOnce = given.calls.every(call => all.filter(other => other === call).length === 1);
      if (given.calls.length > 0 && given.calls.length <= batchSize && isInOrder && isOnce) return [];
      return [
        because(given, `fn of ${batch} got ${given.calls.join() || "nothing"} of ${calls}, by ${batchSize}`),
      ];
    });
  });
}

/** B2: an item of which no claim was made never gets to `fn`. */
function itemsHaveTheirClaims({ calls, stores }: Story): Found[] {
  return calls
    .filter(({ batch, run, onStoreError }) => batch !== undefined && run && onStoreError === "throw")
    .filter(call => !claimOf(stores, call.run!))
    .map(call => ({
      ...of(call, `fn got ${call.call}, whose claim was never made`),
      at: call.run!.start.at,
    }));
}

const claimOf = (stores: Story["stores"], { start }: Run) =>
  (stores.get(start.key) ?? []).findLast(
    ({ process, at, answer }) =>
      process === start.process && at <= start.at && isClaimed(answer) && answer.attempt === start.attempt,
  );

/** B5: the same batch has the same key for its provider, and another has another. */
function keysAreThoseOfTheBatch({ batches }: Story): Found[] {
  return batches.flatMap((later, index) =>
    batches
      .slice(0, index)
      .filter(
        earlier =>
          (earlier.idempotencyKey === later.idempotencyKey) !==
          isDeepStrictEqual(earlier.idempotencyKeys, later.idempotencyKeys),
      )
      .map(earlier =>
        because(later, `the keys of ${earlier.calls} and ${later.calls} do not tell them apart`),
      ),
  );
}

/** B4: the signal of a batch aborts when another has replaced the last of its runs. */
function aBatchKnowsWhenAllAreReplaced(story: Story, lateMs: number): Found[] {
  return manyOf(story).flatMap(({ event, calls, batches }) =>
    batches.flatMap(given => {
      const runs = given.calls.flatMap(name => calls.find(({ call }) => call === name)?.run ?? []);
      const replacedAt = Math.max(...runs.map(run => successorAt(story, run)));
      const knows = ({ lostAt, ...run }: Run) =>
        Math.min(finishedAt(run), lostAt ?? NEVER) <= replacedAt + lateMs;
      const isExcused = runs.some(({ call }) => call.onStoreError === "run") || !given.watches;
      if (replacedAt === NEVER || isExcused || runs.every(knows)) return [];
      if (story.away(event.process, event.at, replacedAt, lateMs)) return [];
      return [because({ at: replacedAt }, `${given.calls} run on unwarned, though each has been replaced`)];
    }),
  );
}

/** When the next run of a run's window began. */
function successorAt({ windows }: Story, run: Run): number {
  const window = windows.find(({ runs }) => runs.includes(run))!;
  const later = window.runs.slice(window.runs.indexOf(run) + 1);
  return Math.min(NEVER, ...later.map(({ start }) => start.at));
}

/** For how long claims wait for those of their companions, and more. */
const SLACK_MS = 1_000;

/** B3: who can run does not wait for others, but for those that run. */
function waitingHoldsNobodyUp(story: Story): Found[] {
  return manyOf(story).flatMap(({ calls, batches }) => {
    const busy = batches.map(given => spanOf(calls, given));
    return calls.flatMap(call => {
      const claim = call.run && call.onStoreError === "throw" && claimOf(story.stores, call.run);
      if (!claim) return [];
      const { at } = call.run!.start;
      const idle = idleMs(claim.at, at, busy);
      if (idle <= 3 * call.storeTimeoutMs + SLACK_MS || story.away(call.process, claim.at, at)) return [];
      return [
        of(call, `${call.call} had its claim, and ran only ${idle} ms after that, with nothing else running`),
      ];
    });
  });
}

const MOST_AT_ONCE = 2;

/** B7: at most two batches run. */
function noMoreThanTwoRun(story: Story): Found[] {
  return manyOf(story).flatMap(({ event, calls, batches }) => {
    const busy = batches.map(given => spanOf(calls, given));
    return batches
      .filter(({ at }) => busy.filter(({ from, to }) => from <= at && at < to).length > MOST_AT_ONCE)
      .map(given => because(given, `${event.batch} runs a batch too many`));
  });
}

/** All come to an end, in bounded time but for what `fn` takes. */
function aBatchGoesOn(story: Story): Found[] {
  return manyOf(story).flatMap(({ event, calls, batches }) => {
    const [first] = calls;
    if (first === undefined) return [];
    const bound = first.waitMs + first.leaseMs + 4 * first.storeTimeoutMs + SLACK_MS;
    const busy = batches.map(given => spanOf(calls, given));
    const times = [
      ...calls.flatMap(({ at, result, refused }) => [at, (result ?? refused)?.at ?? at]),
      ...busy.flatMap(({ from, to }) => [from, to]),
    ].sort((a, b) => a - b);
    const stuck = times.find((at, n) => {
      const from = times[n - 1] ?? at;
      return at < NEVER && idleMs(from, at, busy) > bound && !story.away(event.process, from, at);
    });
    return stuck === undefined ? [] : [because({ at: stuck }, `${event.batch} did not go on until then`)];
  });
}

interface Span {
  from: number;
  to: number;
}

const spanOf = (calls: readonly Call[], { at, calls: names }: BatchEvent): Span => ({
  from: at,
  to: Math.max(
    at,
    ...calls.filter(({ call }) => names.includes(call)).map(({ run }) => (run ? finishedAt(run) : at)),
  ),
});

/** How much of a time was in none of these. */
function idleMs(from: number, to: number, spans: readonly Span[]): number {
  let idle = 0;
  let until = from;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (span.to <= until || span.from >= to) continue;
    idle += Math.max(0, span.from - until);
    until = span.to;
  }
  return idle + Math.max(0, to - until);
}

/** B1–B5 and B7, rule by rule: what only the calls of an `executeMany` need, since P1–P5 are held against each of them. */
export const BATCHES = (lateMs: number): readonly (readonly [string, readonly Rule[]])[] => [
  ["B1", [outcomesAreInOrder]],
  ["B2", [batchesAreOfTheItems, itemsHaveTheirClaims]],
  ["B3", [waitingHoldsNobodyUp]],
  ["B4", [story => aBatchKnowsWhenAllAreReplaced(story, lateMs)]],
  ["B5", [keysAreThoseOfTheBatch]],
  ["B7", [noMoreThanTwoRun]],
  ["answers", [aBatchGoesOn]],
];
