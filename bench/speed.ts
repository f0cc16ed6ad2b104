import { compareFresh } from "./child.ts";
import { inCpu, inTime, type Measured, type Row, report } from "./measure.ts";
import { PEERS } from "./peers.ts";

const compareInMemory = (candidates: readonly string[][]) => compareFresh("memory.ts", candidates);

function row(what: string, raw: Measured, own: Measured, target: string, reference = "lru-cache"): Row {
  return {
    measure: what,
    ours: inTime(own.nanoseconds),
    reference: `${inTime(raw.nanoseconds)} (${reference})`,
    cpu: inCpu(own, raw),
    ratio: `${(own.ratio / raw.ratio).toFixed(2)} ×`,
    target,
  };
}

/** A line of two of ours: what the second costs more. */
function addedRow(what: string, without: Measured, own: Measured, target: string): Row {
  return {
    ...row(what, without, own, target, "without"),
    ratio: `+ ${((own.nanoseconds - without.nanoseconds) / 1e3).toFixed(1)} µs`,
  };
}

const withPeers = process.argv.includes("--peers");
const others = withPeers ? Object.keys(PEERS) : [];

const [rawReplay, replay, ...peerReplays] = compareInMemory([
  ["raw-replay"],
  ["our-replay"],
  ...others.map(name => [name, "replay"]),
]);
const [rawNested, nested] = compareInMemory([["raw-replay-nested"], ["our-replay-nested"]]);
const [rawOnce, once] = compareInMemory([["raw-once"], ["our-once"]]);
const [rawFirst, hand, first, sync, withKey, ...peerFirsts] = compareInMemory([
  ["raw-first"],
  ["hand-first"],
  ["our-first"],
  ["our-first-sync"],
  ["our-first-key"],
  ...others.map(name => [name, "first"]),
]);

const rows = [
  row("replay of a small object, the same key each time", rawReplay!, replay!, "≥ 1.5 ×"),
  row("replay of a nested object, the same key each time", rawNested!, nested!, "≥ 2.5 ×"),
  row("replay of a small object, each of 200,000 keys once", rawOnce!, once!, "≥ 0.7 ×"),
  row("first execution, fresh key, asynchronous `fn`", rawFirst!, first!, "≥ 0.42 ×"),
  row("first execution, fresh key, synchronous `fn`", rawFirst!, sync!, "≥ 0.45 ×"),
  row("for comparison: a mark, the run and its JSON by hand", rawFirst!, hand!, "–"),
  addedRow("first execution that reads `idempotencyKey`", first!, withKey!, "≤ + 1.5 µs"),
];
if (withPeers) {
  const [raw, own] = compareInMemory([["raw-duration"], ["our-duration"]]);
  rows.push(row('`parseDuration("5m")`', raw!, own!, "≥ 1 ×", "@lukeed/ms"));
}
report({ rows, peers: others.map((name, n) => ({ name, replay: peerReplays[n], first: peerFirsts[n] })) });
